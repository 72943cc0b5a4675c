# Who am I, and who may do what.
kubectl auth whoami
kubectl auth whoami -o jsonpath='{.status.userInfo.username} {.status.userInfo.groups}'
kubectl auth whoami --as=jane --as-group=readers
kubectl create namespace team
kubectl create serviceaccount robot -n team
kubectl create role reader -n team --verb=get,list --resource=configmaps
kubectl create role scaler -n team --verb=update --resource=deployments.apps/scale --resource-name=web
kubectl create role bad -n team --verb=get --resource=unheard
kubectl create rolebinding reader -n team --role=reader --serviceaccount=team:robot
kubectl create clusterrole nodes --verb=get,list,watch --resource=nodes
kubectl create clusterrole health --verb=get --non-resource-url=/healthz
kubectl create clusterrole all-nodes --aggregation-rule=part-of=all-nodes
kubectl create clusterrolebinding nodes --clusterrole=nodes --user=jane --group=readers
kubectl get role,rolebinding -n team
kubectl get clusterrole,clusterrolebinding nodes
kubectl get rolebindings -n team -o wide
kubectl describe role reader -n team
kubectl describe rolebinding reader -n team
kubectl describe clusterrolebinding nodes
kubectl describe clusterrole health
kubectl set subject rolebinding reader -n team --user=joe
kubectl get rolebinding reader -n team -o jsonpath='{.subjects[*].name}'

# Asking.
kubectl auth can-i create pods
kubectl auth can-i list secrets --as=nobody
kubectl auth can-i get configmaps -n team --as=system:serviceaccount:team:robot
kubectl auth can-i get configmaps -n default --as=system:serviceaccount:team:robot
kubectl auth can-i get nodes --as=somebody --as-group=readers
kubectl auth can-i get /healthz --as=jane
kubectl auth can-i update deployments/web --subresource=scale -n team --as=joe
kubectl auth can-i get unheard
kubectl auth can-i --list -n team --as=joe | sort
kubectl auth can-i '*' '*' --all-namespaces

# Being refused.
kubectl get secrets -n team --as=system:serviceaccount:team:robot
kubectl get nodes --as=joe
kubectl get configmap x -n team --as=joe
kubectl delete configmap x -n team --as=joe
kubectl create configmap x -n team --as=joe
kubectl patch configmap x -n team --as=joe -p '{}'
kubectl get --raw /metrics --as=joe
kubectl scale deployment web -n team --replicas=1 --as=joe
kubectl get configmaps --as=system:serviceaccount:team:robot --as-group=system:masters -o name -n team
kubectl create role admin -n team --verb='*' --resource=secrets --as=joe
kubectl create clusterrolebinding self --clusterrole=edit --user=joe --as=system:serviceaccount:team:robot
kubectl create rolebinding may-bind -n team --clusterrole=admin --user=joe
kubectl create role more -n team --verb=get --resource=nodes --as=joe
kubectl create rolebinding self -n team --clusterrole=cluster-admin --user=joe --as=joe
kubectl create rolebinding readers -n team --role=reader --user=ann --as=joe

# Mending.
kubectl auth reconcile -f - <<EOF
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: team}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch]}
EOF
kubectl get role reader -n team -o jsonpath='{.rules}'
kubectl apply -f - <<EOF
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: team}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: another}
EOF

# Tokens.
kubectl create token robot -n team
kubectl create token robot -n team --duration=10s
kubectl create token robot -n team --audience=elsewhere -o jsonpath='{.spec}'
kubectl create token nobody -n team
server=$(kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}') && kubectl config view --raw --minify -o jsonpath='{.clusters[0].cluster.certificate-authority-data}' | base64 -d > ca.crt && kubectl config --kubeconfig=robot set-cluster c --server=$server --certificate-authority=ca.crt
kubectl config --kubeconfig=robot set-credentials r --token=$(kubectl create token robot -n team)
kubectl config --kubeconfig=robot set-context c --cluster=c --user=r --namespace=team
kubectl --kubeconfig=robot --context=c auth whoami -o jsonpath='{.status.userInfo.username} {.status.userInfo.groups}'
kubectl --kubeconfig=robot --context=c get configmaps -o name
kubectl --kubeconfig=robot --context=c get secrets
kubectl config --kubeconfig=robot set-credentials r --token=invalid
kubectl --kubeconfig=robot --context=c get configmaps
kubectl config --kubeconfig=robot unset users
kubectl --kubeconfig=robot --context=c get configmaps </dev/null
kubectl --kubeconfig=robot --context=c get --raw /version | grep -c gitVersion

# Certificates.
openssl req -new -newkey rsa:2048 -nodes -keyout jane.key -subj /O=readers/CN=jane -out jane.csr 2>/dev/null
kubectl apply -f - <<EOF
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: jane}
spec:
  request: $(base64 -w0 jane.csr)
  signerName: kubernetes.io/kube-apiserver-client
  expirationSeconds: 3600
  usages: [client auth]
EOF
kubectl get csr
kubectl certificate approve jane
kubectl wait csr jane --for=jsonpath='{.status.conditions[0].type}'=Approved --timeout=10s
kubectl wait csr jane --for=jsonpath='{.status.certificate}' --timeout=30s
kubectl get csr jane -o jsonpath='{.status.certificate}' | base64 -d > jane.crt
openssl x509 -in jane.crt -noout -subject
kubectl config --kubeconfig=robot set-credentials jane --client-certificate=jane.crt --client-key=jane.key
kubectl --kubeconfig=robot --user=jane --context=c auth whoami -o jsonpath='{.status.userInfo.username} {.status.userInfo.groups}'
kubectl --kubeconfig=robot --user=jane --context=c get nodes
kubectl get csr
kubectl certificate deny jane
kubectl delete csr jane
kubectl delete clusterrolebinding nodes
kubectl --kubeconfig=robot --user=jane --context=c get nodes
kubectl delete clusterrole nodes health all-nodes
kubectl delete namespace team --wait=false
