# Events, watches, waiting, and what follows from an owner's deletion.
kubectl create namespace team
kubectl config set-context --current --namespace=team
kubectl create configmap a --from-literal=n=1
(sleep 1; kubectl label cm a x=y; kubectl delete cm a) >/dev/null & kubectl get cm a --watch --output-watch-events & watch=$!; wait %1; sleep 1; kill $watch
kubectl create configmap b
kubectl get cm b --watch-only --request-timeout=1s
kubectl wait cm b --for=create --timeout=10s
kubectl wait cm b --for=jsonpath='{.data.k}'=v --timeout=1s
kubectl patch cm b --type=merge -p '{"data":{"k":"v"}}'
kubectl wait cm b --for=jsonpath='{.data.k}'=v --timeout=10s
kubectl wait cm none --for=condition=Ready --timeout=1s
kubectl wait cm none --for=delete --timeout=1s

# Events.
kubectl create -f - <<EOF
apiVersion: v1
kind: Event
metadata: {name: told, namespace: team}
involvedObject: {apiVersion: v1, kind: ConfigMap, name: b, namespace: team}
type: Warning
reason: Told
message: something to know
source: {component: tester}
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
count: 3
EOF
kubectl events --for configmap/b | sed 's/^[0-9][^ ]*/<age>/'
kubectl get events --field-selector involvedObject.name=b,type=Warning | sed 's/^[0-9][^ ]*/<age>/'
kubectl get events --field-selector reason=Unheard
kubectl events --types=Normal

# Owners.
cat > owned.yaml <<EOF
apiVersion: v1
kind: ConfigMap
metadata:
  name: owned
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: b, uid: UID, blockOwnerDeletion: true}]
EOF
sed "s/UID/$(kubectl get cm b -o jsonpath='{.metadata.uid}')/" owned.yaml | kubectl apply -f -
kubectl delete cm b --cascade=orphan
kubectl get cm owned -o jsonpath='{.metadata.ownerReferences}'
kubectl create configmap b
kubectl delete cm owned
sed "s/UID/$(kubectl get cm b -o jsonpath='{.metadata.uid}')/" owned.yaml | kubectl apply -f -
kubectl delete cm b --cascade=foreground
kubectl get cm owned
kubectl create configmap b
sed "s/UID/$(kubectl get cm b -o jsonpath='{.metadata.uid}')/" owned.yaml | kubectl apply -f -
kubectl delete cm b --cascade=background
kubectl wait cm owned --for=delete --timeout=30s
kubectl create configmap one
kubectl create configmap two
kubectl delete cm one two three
kubectl delete cm --all --field-selector metadata.name!=kube-root-ca.crt
kubectl delete cm --field-selector metadata.name=x --all -o name
kubectl delete cm
kubectl create -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: held, finalizers: [example.com/hold]}
EOF
kubectl delete namespace team --wait=false
kubectl create configmap late
kubectl get namespace team
kubectl wait namespace team --for=condition=NamespaceFinalizersRemaining --timeout=30s
kubectl get namespace team -o jsonpath='{range .status.conditions[*]}{.type} {.status} {.reason} {.message}{"\n"}{end}'
kubectl patch cm held --type=merge -p '{"metadata":{"finalizers":null}}'
kubectl wait namespace team --for=delete --timeout=60s >/dev/null
kubectl get namespace team
