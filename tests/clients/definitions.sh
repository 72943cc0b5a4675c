# Definitions of one's own kinds, and what is said of every kind.
cat > definition.yaml <<EOF
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
    - {name: Colour, type: string, jsonPath: .spec.colour, priority: 1}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    selectableFields: [{jsonPath: .spec.colour}]
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
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, weight: {type: integer}}
              fixed: {type: string, x-kubernetes-validations: [{rule: self == oldSelf, message: cannot change}]}
            x-kubernetes-validations:
            - {rule: 'self.size < 100', message: too large}
          status:
            type: object
            properties: {size: {type: integer}}
EOF
kubectl apply -f definition.yaml
kubectl wait crd/widgets.example.com --for=condition=Established --timeout=30s
kubectl apply -f definition.yaml
kubectl get crd widgets.example.com
kubectl get crd widgets.example.com -o wide
kubectl get crd widgets.example.com -o jsonpath='{.status.storedVersions} {.status.acceptedNames} {.status.conditions[*].type}'
kubectl api-resources --api-group=example.com
kubectl api-resources --api-group=example.com -o wide
kubectl api-versions | grep example
until kubectl explain widget 2>&1 | grep -q "A widget of the tests"; do :; done
kubectl explain widget
kubectl explain widget.spec --recursive
kubectl explain wd.spec.size
kubectl explain widget.spec.none

kubectl apply -f - <<EOF
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 3, parts: [{name: a, weight: 1}]}
EOF
kubectl get wd
kubectl get widgets.example.com -o wide
kubectl get widgets.v1.example.com w -o jsonpath='{.spec}'
kubectl get all -l none=none
kubectl get widgets --field-selector spec.colour=red
kubectl get widgets --field-selector spec.colour=green
kubectl get widgets --field-selector spec.size=3
kubectl describe widget w
kubectl scale widget w --replicas=4
kubectl get widget w --subresource=scale
kubectl patch widget w --subresource=status --type=merge -p '{"status":{"size":4}}'
kubectl patch widget w --type=merge -p '{"status":{"size":9}}'
kubectl patch widget w --type=merge -p '{"spec":{"size":100}}'
kubectl patch widget w --type=merge -p '{"spec":{"size":0}}'
kubectl patch widget w --type=merge -p '{"spec":{"size":"many"}}'
kubectl patch widget w --type=merge -p '{"spec":{"colour":"blue"}}'
kubectl patch widget w --type=merge -p '{"spec":{"fixed":"a"}}'
kubectl patch widget w --type=merge -p '{"spec":{"fixed":"b"}}'
kubectl patch widget w -p '{"spec":{"size":5}}'
kubectl apply -f - <<EOF
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 3, sise: 4}
EOF
kubectl apply --server-side --force-conflicts -f - <<EOF
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 6, parts: [{name: b, weight: 2}]}
EOF
kubectl apply --server-side --field-manager=other -f - <<EOF
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 7, parts: [{name: c}]}
EOF
kubectl get widget w -o jsonpath='{.spec.parts}'
kubectl create -f - <<EOF
apiVersion: example.com/v1
kind: Widget
metadata: {name: empty}
spec: {}
EOF
kubectl create -f - <<EOF
apiVersion: example.com/v2
kind: Widget
metadata: {name: later}
EOF
kubectl label widget w a=b
kubectl get widgets -l a=b -o name
kubectl get widget w -o custom-columns=NAME:.metadata.name,SIZE:.spec.size,PARTS:.spec.parts[*].name

# A second version.
kubectl patch crd widgets.example.com --type=json -p '[{"op":"add","path":"/spec/versions/-","value":{"name":"v2","served":true,"storage":false,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}]'
until kubectl get --raw /apis/example.com/v2 >/dev/null 2>&1; do :; done
kubectl get widgets.v2.example.com w -o jsonpath='{.apiVersion} {.spec.size}'
kubectl get crd widgets.example.com -o jsonpath='{.spec.versions[*].name} {.status.storedVersions}'
kubectl patch crd widgets.example.com --type=json -p '[{"op":"remove","path":"/spec/versions/0"}]'
kubectl patch crd widgets.example.com --type=merge -p '{"spec":{"scope":"Cluster"}}'
kubectl create -f - <<EOF
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wrong.example.com}
spec:
  group: example.com
  scope: Everywhere
  names: {plural: wrongs, kind: Wrong}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {a: {type: strange}}}}}]
EOF
kubectl delete crd widgets.example.com
kubectl get widgets
kubectl get crd widgets.example.com

# What is said of the kinds that come with it.
kubectl explain deployment.spec.replicas
kubectl explain pod.spec.containers.resources --recursive
kubectl explain configmap
kubectl explain cronjob --api-version=batch/v1
kubectl explain deployment.spec.none
kubectl explain unheard
kubectl api-resources --api-group=apps
kubectl api-resources --api-group=rbac.authorization.k8s.io -o wide
kubectl api-resources --namespaced=false --api-group=
kubectl cluster-info | sed 's/\x1b\[[0-9;]*m//g' | head -1
