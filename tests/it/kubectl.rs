//! kubectl against the embedded API server: the commands people and scripts
//! type, with the words kubectl prints. Skips, saying so, where kubectl is not
//! installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::Cluster;

/// One command: its words, what it reads, what it must print.
struct Step {
    args: &'static str,
    stdin: &'static str,
    /// Every line must appear in stdout and stderr together.
    says: &'static [&'static str],
    fails: bool,
}

fn ok(args: &'static str, says: &'static [&'static str]) -> Step {
    Step {
        args,
        stdin: "",
        says,
        fails: false,
    }
}

fn fed(args: &'static str, stdin: &'static str, says: &'static [&'static str]) -> Step {
    Step {
        args,
        stdin,
        says,
        fails: false,
    }
}

fn bad(args: &'static str, stdin: &'static str, says: &'static [&'static str]) -> Step {
    Step {
        args,
        stdin,
        says,
        fails: true,
    }
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: 'nginx:1.27', ports: [{containerPort: 80}]}
";

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    schema:
      openAPIV3Schema:
        type: object
        description: A widget of the tests.
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1, description: How large it is.}
              colour: {type: string, enum: [red, green], default: red}
            x-kubernetes-validations:
            - {rule: 'self.size < 100', message: too large}
          status:
            type: object
            properties: {size: {type: integer}}
";

const WIDGET: &str = "
apiVersion: example.com/v1
kind: Widget
metadata: {name: w, namespace: default}
spec: {size: 3}
";

fn steps() -> Vec<Step> {
    vec![
        ok("version -o json", &["\"serverVersion\""]),
        ok(
            "get namespaces -o name",
            &["namespace/default", "namespace/kube-system"],
        ),
        ok("create namespace team", &["namespace/team created"]),
        bad(
            "create namespace team",
            "",
            &["Error from server (AlreadyExists): namespaces \"team\" already exists"],
        ),
        ok(
            "create configmap one -n team --from-literal=a=b",
            &["configmap/one created"],
        ),
        ok("get cm -n team one -o jsonpath={.data.a}", &["b"]),
        ok(
            "label cm -n team one tier=front",
            &["configmap/one labeled"],
        ),
        ok("get cm -n team -l tier=front -o name", &["configmap/one"]),
        ok(
            "annotate cm -n team one note=x",
            &["configmap/one annotated"],
        ),
        ok(
            "patch cm -n team one -p {\"data\":{\"c\":\"d\"}}",
            &["configmap/one patched"],
        ),
        ok(
            "patch cm -n team one --type=json -p [{\"op\":\"remove\",\"path\":\"/data/a\"}]",
            &["configmap/one patched"],
        ),
        ok(
            "patch cm -n team one --type=merge -p {\"data\":{\"e\":\"f\"}}",
            &["configmap/one patched"],
        ),
        ok(
            "get cm -n team one -o jsonpath={.data}",
            &["{\"c\":\"d\",\"e\":\"f\"}"],
        ),
        bad(
            "get cm -n team two",
            "",
            &["Error from server (NotFound): configmaps \"two\" not found"],
        ),
        fed("apply -f -", DEPLOYMENT, &["deployment.apps/web created"]),
        fed("apply -f -", DEPLOYMENT, &["deployment.apps/web unchanged"]),
        fed("diff -f -", DEPLOYMENT, &[]),
        ok(
            "scale deployment web --replicas=5",
            &["deployment.apps/web scaled"],
        ),
        ok(
            "get deployment web -o jsonpath={.spec.replicas}/{.spec.strategy.type}",
            &["5/RollingUpdate"],
        ),
        ok(
            "set image deployment/web nginx=nginx:1.28",
            &["deployment.apps/web image updated"],
        ),
        ok(
            "get deployments",
            &["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "web"],
        ),
        ok(
            "get deployments -o wide",
            &["CONTAINERS", "IMAGES", "SELECTOR", "nginx:1.28"],
        ),
        ok(
            "describe deployment web",
            &["Name:", "StrategyType:", "RollingUpdate"],
        ),
        bad("apply --server-side -f -", DEPLOYMENT, &["conflict"]),
        fed(
            "apply --server-side --force-conflicts -f -",
            DEPLOYMENT,
            &["deployment.apps/web serverside-applied"],
        ),
        bad(
            "apply -f -",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndaat: {}\n",
            &["unknown field \"daat\""],
        ),
        bad(
            "create -f -",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n",
            &["is invalid: metadata.name: Invalid value: \"Not_A_Name\""],
        ),
        ok(
            "explain deployment.spec.replicas",
            &["FIELD: replicas <integer>"],
        ),
        ok("api-resources", &["deployments", "apps/v1", "configmaps"]),
        ok("api-versions", &["apps/v1", "rbac.authorization.k8s.io/v1"]),
        ok("auth can-i create pods", &["yes"]),
        ok("auth can-i list secrets --as=nobody", &["no"]).failing(),
        ok("auth whoami", &["Username"]),
        ok(
            "create serviceaccount robot -n team",
            &["serviceaccount/robot created"],
        ),
        ok(
            "create role reader -n team --verb=get --resource=configmaps",
            &["role.rbac.authorization.k8s.io/reader created"],
        ),
        ok(
            "create rolebinding reader -n team --role=reader --serviceaccount=team:robot",
            &["rolebinding.rbac.authorization.k8s.io/reader created"],
        ),
        ok(
            "auth can-i get configmaps -n team --as=system:serviceaccount:team:robot",
            &["yes"],
        ),
        bad(
            "get secrets -n team --as=system:serviceaccount:team:robot",
            "",
            &[
                "secrets is forbidden: User \"system:serviceaccount:team:robot\" cannot list resource \"secrets\" in API group \"\" in the namespace \"team\"",
            ],
        ),
        ok("create token robot -n team", &["ey"]),
        fed(
            "apply -f -",
            CRD,
            &["customresourcedefinition.apiextensions.k8s.io/widgets.example.com created"],
        ),
        ok(
            "wait --for=condition=Established crd/widgets.example.com --timeout=10s",
            &["condition met"],
        ),
        fed("apply -f -", WIDGET, &["widget.example.com/w created"]),
        ok("get wd", &["SIZE", "3"]),
        ok("get widget w -o jsonpath={.spec.colour}", &["red"]),
        ok(
            "scale widget w --replicas=4",
            &["widget.example.com/w scaled"],
        ),
        bad(
            "patch widget w --type=merge -p {\"spec\":{\"size\":100}}",
            "",
            &["too large"],
        ),
        bad(
            "patch widget w --type=merge -p {\"spec\":{\"colour\":\"blue\"}}",
            "",
            &["Unsupported value: \"blue\": supported values: \"red\", \"green\""],
        ),
        bad(
            "patch widget w --type=merge -p {\"spec\":{\"size\":0}}",
            "",
            &["spec.size in body should be greater than or equal to 1"],
        ),
        ok("explain widget.spec.size", &["How large it is."]),
        ok("delete crd widgets.example.com", &["deleted"]),
        bad("get crd widgets.example.com", "", &["NotFound"]),
        ok(
            "delete deployment web --wait",
            &["deployment.apps \"web\" deleted"],
        ),
        ok(
            "delete namespace team --wait --timeout=20s",
            &["namespace \"team\" deleted"],
        ),
        bad("get namespace team", "", &["NotFound"]),
    ]
}

impl Step {
    fn failing(mut self) -> Self {
        self.fails = true;
        self
    }
}

fn kubectl() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join("kubectl"))
        .find(|path| path.is_file())
}

fn run(program: &Path, kubeconfig: &Path, step: &Step) -> Result<(), String> {
    let home = kubeconfig.parent().unwrap();
    let mut child = Command::new(program)
        .args(step.args.split(' '))
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), step.stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let missing: Vec<&&str> = step
        .says
        .iter()
        .filter(|says| !text.contains(**says))
        .collect();
    if output.status.success() == step.fails || !missing.is_empty() {
        return Err(format!(
            "kubectl {}\n  {}, lacks {missing:?} in:\n{text}",
            step.args, output.status
        ));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_type() {
    let Some(program) = kubectl() else {
        println!("skipped: kubectl is not installed");
        return;
    };
    let cluster = Cluster::start("kubectl").await;
    let kubeconfig = cluster.kubeconfig().await;
    let failures = tokio::task::spawn_blocking(move || {
        steps()
            .iter()
            .filter_map(|step| run(&program, &kubeconfig, step).err())
            .collect::<Vec<_>>()
    })
    .await
    .unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
