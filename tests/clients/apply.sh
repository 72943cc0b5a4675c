# Apply in both ways, diff, prune, and who owns which field.
kubectl create namespace team
kubectl config set-context --current --namespace=team
mkdir site
cat > site/web.yaml <<EOF
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {site: main}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.27
        ports: [{containerPort: 80}]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
EOF
cat > site/settings.yaml <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {site: main}}
data: {colour: red, size: "1"}
EOF

# The client's way.
kubectl diff -f site/settings.yaml | grep '^[+-] '
kubectl apply -f site --dry-run=client
kubectl apply -f site --dry-run=server
kubectl apply -f site
kubectl apply -f site
kubectl diff -f site
kubectl get cm settings -o jsonpath='{.metadata.annotations}'
sed -i 's/colour: red, //; s/size: "1"/size: "2"/' site/settings.yaml
kubectl diff -f site/settings.yaml | grep '^[+-] '
kubectl apply -f site/settings.yaml
kubectl get cm settings -o jsonpath='{.data}'
kubectl apply view-last-applied cm/settings
sed -i 's/{name: A, value: "1"}, //; s/containerPort: 80/containerPort: 8080/' site/web.yaml
kubectl apply -f site/web.yaml
kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[0].env} {.spec.template.spec.containers[0].ports}'
kubectl create cm bare --from-literal=a=b
kubectl apply -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: bare}
data: {c: d}
EOF
kubectl get cm bare -o jsonpath='{.data}'
kubectl apply -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: typo}
daat: {a: b}
EOF
kubectl apply --validate=warn -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: typo}
daat: {a: b}
EOF
kubectl apply --validate=false -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: typo}
daat: {a: b}
EOF
kubectl apply -f - <<EOF
apiVersion: apps/v1
kind: Deployment
metadata: {name: wrong}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: b}}
    spec: {containers: [{name: c}]}
EOF
kubectl apply -f site/web.yaml --namespace=other
kubectl apply -f - <<EOF
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: another}}
  template:
    metadata: {labels: {app: another}}
    spec: {containers: [{name: nginx, image: nginx}]}
EOF

# What is no longer said goes.
kubectl apply -f site --prune -l site=main
rm site/settings.yaml
kubectl apply -f site --prune -l site=main --prune-allowlist=core/v1/ConfigMap
kubectl get cm settings

# The server's way.
cat > owned.yaml <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: owned}
data: {colour: red, size: "1"}
EOF
kubectl apply --server-side -f owned.yaml
kubectl apply --server-side -f owned.yaml --field-manager=other
kubectl apply --server-side -f - --field-manager=other <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: owned}
data: {colour: green}
EOF
kubectl apply --server-side --force-conflicts -f - --field-manager=other <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: owned}
data: {colour: green}
EOF
kubectl get cm owned -o yaml --show-managed-fields
kubectl diff --server-side -f owned.yaml
kubectl diff --server-side --force-conflicts -f owned.yaml | grep '^[+-] '
kubectl apply --server-side -f owned.yaml
kubectl apply --server-side -f site/web.yaml
kubectl apply --server-side -f site/web.yaml --dry-run=server -o name
kubectl apply --server-side -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: owned}
daat: {}
EOF
kubectl scale deployment web --replicas=5
kubectl apply --server-side -f site/web.yaml
kubectl get deployment web -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.subresource}{"\n"}{end}' | grep -v ' status$' | sort
kubectl kustomize . 2>&1 | head -1
cat > kustomization.yaml <<EOF
namePrefix: k-
resources: [owned.yaml]
configMapGenerator: [{name: made, literals: [a=b], options: {disableNameSuffixHash: true}}]
EOF
kubectl apply -k .
kubectl delete -k .
kubectl delete -f site --wait
kubectl delete namespace team --wait=false
