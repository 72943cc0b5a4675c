# Objects come, are looked at in every way, change and go.
kubectl create namespace team
kubectl create namespace team
kubectl get namespace team -o jsonpath='{.metadata.labels}{"\n"}{.status.phase}{"\n"}'
kubectl config set-context --current --namespace=team
kubectl create configmap one --from-literal=a='two words'
kubectl create configmap one --from-literal=a=b
kubectl create configmap two --from-literal=x=y --dry-run=client -o yaml
kubectl create configmap two --from-literal=x=y --dry-run=server -o yaml
kubectl get configmap two
kubectl create secret generic key --from-literal=password=hush
kubectl create secret docker-registry pull --docker-server=r.example --docker-username=u --docker-password=p
kubectl get secrets
kubectl get secret key -o jsonpath='{.data.password}' | base64 -d
kubectl create serviceaccount robot
kubectl create priorityclass high --value=1000 --description=first
kubectl create service clusterip web --tcp=80:8080
kubectl create ingress web --rule='web.example/path*=web:80'
kubectl create poddisruptionbudget web --selector=app=web --min-available=1
kubectl create -f - <<EOF
{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-"}}
EOF
kubectl create -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: Not_A_Name}
EOF
kubectl create -f - <<EOF
apiVersion: v1
kind: Unheard
metadata: {name: x}
EOF
kubectl create -f - <<EOF
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: first, labels: {tier: front}}, data: {n: "1"}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: second, labels: {tier: back}}, data: {n: "2"}}
EOF

# Looking.
kubectl get configmaps
kubectl get cm -o name
kubectl get cm one two
kubectl get cm one -o yaml
kubectl get cm one -o json
kubectl get cm one -o yaml --show-managed-fields
kubectl get cm first second --show-labels
kubectl get cm -L tier
kubectl get cm -l tier=front
kubectl get cm -l 'tier in (front,back),tier!=back' -o name
kubectl get cm -l 'tier='
kubectl get cm -l '!tier' -o name | grep -v made
kubectl get cm --field-selector metadata.name=first
kubectl get cm --field-selector data.n=1
kubectl get cm first second -o custom-columns=NAME:.metadata.name,N:.data.n,NOTHING:.data.none
kubectl get cm -o jsonpath='{range .items[*]}{.metadata.name}={.data.n}{"\n"}{end}' -l tier
kubectl get cm -o go-template='{{range .items}}{{.metadata.name}} {{end}}' -l tier
kubectl get cm --sort-by='{.data.n}' -l tier -o name
kubectl get cm,sa -l tier
kubectl get cm/first sa/robot
kubectl get cm -A -l tier
kubectl get cm --chunk-size=1 -l tier -o name
kubectl get nothing
kubectl get cm one -o wide
kubectl get service,ingress,poddisruptionbudget
kubectl get priorityclass high
kubectl get --raw /api/v1/namespaces/team/configmaps/none
kubectl get --raw /healthz
kubectl describe configmap one
kubectl describe secret key
kubectl describe serviceaccount robot
kubectl describe namespace team
# Endpoints are the business of a controller that not every server runs; events
# are told of, at its own times, by one that repairs addresses.
kubectl describe service web --show-events=false | grep -v ^Endpoints

# Changing.
kubectl label cm one tier=front
kubectl label cm one tier=back
kubectl label cm one tier=back --overwrite
kubectl label cm one tier-
kubectl label cm --all kept=yes
kubectl label cm one 'bad key=x'
kubectl annotate cm one note='some text'
kubectl annotate cm one note=other
kubectl annotate cm one note=other --overwrite
kubectl annotate cm one note-
kubectl patch cm one -p '{"data":{"c":"d"}}'
kubectl patch cm one -p '{"data":{"c":"d"}}'
kubectl patch cm one --type=merge -p '{"data":{"e":"f","a":null}}'
kubectl patch cm one --type=json -p '[{"op":"replace","path":"/data/e","value":"g"}]'
kubectl patch cm one --type=json -p '[{"op":"test","path":"/data/e","value":"no"}]'
kubectl patch cm one --type=json -p '[{"op":"remove","path":"/data/none"}]'
kubectl patch cm one --type=merge -p '{"data":{"n":1}}'
kubectl patch cm one --type=merge -p '{"metadata":{"name":"another"}}'
kubectl patch cm one --type=merge -p '{"immutable":true}'
kubectl patch cm one --type=merge -p '{"data":{"e":"again"}}'
kubectl get cm one -o jsonpath='{.data}'
kubectl get cm first -o yaml | sed 's/n: "1"/n: "one"/' | kubectl replace -f -
kubectl get cm first -o jsonpath='{.data.n}'
kubectl replace -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: first, resourceVersion: "1"}
EOF
kubectl replace -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: nowhere}
EOF
kubectl replace --force -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: first}
data: {n: anew}
EOF
EDITOR='sed -i s/anew/edited/' kubectl edit cm first
EDITOR='sed -i s/unheard/edited/' kubectl edit cm first
kubectl get cm first -o jsonpath='{.data}'

# Going.
kubectl delete cm one
kubectl delete cm one
kubectl delete cm one --ignore-not-found
kubectl delete cm second --dry-run=server
kubectl delete cm -l tier=back
kubectl delete secret key pull -o name
kubectl patch cm first --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'
kubectl delete cm first --wait=false
kubectl delete cm first --timeout=1s
kubectl get cm first -o jsonpath='{.metadata.finalizers} {.metadata.deletionGracePeriodSeconds}'
kubectl patch cm first --type=merge -p '{"metadata":{"finalizers":null}}'
kubectl get cm first
kubectl delete namespace team --timeout=60s
kubectl get namespace team
kubectl delete namespace default --dry-run=server
