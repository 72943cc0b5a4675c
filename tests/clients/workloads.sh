# Deployments, their pods, roll-outs and roll-backs, jobs and the rest, on a
# cluster with one simulated node.
kubectl get nodes
kubectl create deployment web --image=nginx:1.27 --replicas=2 --port=80
kubectl rollout status deployment web --timeout=60s
kubectl get deployments
kubectl get deployments -o wide
kubectl get deployment web -o jsonpath='{.status.readyReplicas} {.status.observedGeneration}'
kubectl get replicasets
kubectl get pods -l app=web
kubectl get pods -l app=web -o name
kubectl get pods -l app=web --field-selector status.phase=Pending
kubectl wait pod -l app=web --for=condition=Ready --timeout=30s
kubectl wait deployment web --for=condition=Available --timeout=30s
kubectl wait deployment web --for=jsonpath='{.status.replicas}'=2 --timeout=30s
kubectl wait deployment web --for=condition=Unheard --timeout=1s
kubectl scale deployment web --replicas=3
kubectl scale deployment web --replicas=1 --current-replicas=9
kubectl rollout status deployment web --timeout=60s
kubectl scale deployment web nowhere --replicas=1
kubectl rollout status deployment web --timeout=60s
kubectl set image deployment/web nginx=nginx:1.28
kubectl rollout status deployment web --timeout=60s
kubectl set image deployment/web nginx=nginx:1.28
kubectl set image deployment/web unheard=nginx:1.28
kubectl set env deployment/web COLOUR=red
kubectl rollout status deployment web --timeout=60s
kubectl set env deployment/web --list
kubectl set resources deployment web --requests=cpu=10m,memory=16Mi --limits=memory=32Mi
kubectl rollout status deployment web --timeout=60s
kubectl rollout history deployment web
kubectl rollout history deployment web --revision=2
kubectl rollout undo deployment web --to-revision=1
kubectl rollout status deployment web --timeout=60s
kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[0].image} {.metadata.annotations}'
kubectl rollout pause deployment web
kubectl rollout pause deployment web
kubectl rollout resume deployment web
kubectl rollout restart deployment web
kubectl rollout status deployment web --timeout=60s
kubectl describe deployment web | grep -v -e '^Events' -e '^  ----' -e '^  Type.*Reason.*Age' -e ' deployment-controller ' -e '^OldReplicaSets'
kubectl expose deployment web --port=80 --target-port=8080
kubectl get service web
kubectl autoscale deployment web --min=1 --max=3 --cpu-percent=80
kubectl get hpa web -o jsonpath='{.spec.minReplicas} {.spec.maxReplicas} {.spec.scaleTargetRef}'
kubectl patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","$patch":"delete"},{"name":"other","image":"o"}]}}}}'
kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[*].name}'
kubectl patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'
kubectl rollout status deployment web --timeout=60s
kubectl get deployment web --subresource=scale
kubectl delete deployment web --cascade=orphan
kubectl get replicasets -l app=web -o name | sort -u
kubectl delete replicasets -l app=web -o name | sort -u
kubectl wait pods -l app=web --for=delete --timeout=60s

# The other kinds.
kubectl run lone --image=nginx --labels=who=me --env=A=B --restart=Never --dry-run=client -o yaml
kubectl run lone --image=nginx --labels=who=me --restart=Never
kubectl wait pod lone --for=jsonpath='{.status.phase}'=Running --timeout=30s
kubectl get pod lone -o jsonpath='{.status.phase} {.status.qosClass} {.spec.serviceAccountName} {.spec.tolerations}'
kubectl label pod lone who=you --overwrite
kubectl patch pod lone -p '{"spec":{"containers":[{"name":"lone","image":"nginx:2"}]}}'
kubectl patch pod lone -p '{"spec":{"nodeName":"elsewhere"}}' 2>&1 | head -1
kubectl delete pod lone --now
kubectl create job once --image=busybox -- true
kubectl wait job once --for=condition=Complete --timeout=60s
kubectl get jobs
kubectl delete job once
kubectl create cronjob often --image=busybox --schedule='*/5 * * * *' -- true
kubectl get cronjobs
kubectl create job again --from=cronjob/often
kubectl get job again -o jsonpath='{.metadata.ownerReferences[0].kind} {.metadata.annotations}'
kubectl delete cronjob often
kubectl apply -f - <<EOF
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: data}
spec:
  replicas: 2
  serviceName: data
  selector: {matchLabels: {app: data}}
  template:
    metadata: {labels: {app: data}}
    spec: {containers: [{name: c, image: c}]}
EOF
kubectl rollout status statefulset data --timeout=60s
kubectl get statefulsets -o wide
kubectl get pods -l app=data
kubectl scale statefulset data --replicas=1
kubectl wait pod data-1 --for=delete --timeout=60s
kubectl delete statefulset data
kubectl apply -f - <<EOF
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec:
  selector: {matchLabels: {app: everywhere}}
  template:
    metadata: {labels: {app: everywhere}}
    spec: {containers: [{name: c, image: c}]}
EOF
kubectl rollout status daemonset everywhere --timeout=60s
kubectl get daemonsets
kubectl delete daemonset everywhere
kubectl cordon the-node
kubectl get nodes
kubectl uncordon the-node
kubectl taint nodes the-node key=value:NoSchedule
kubectl taint nodes the-node key-
kubectl label node the-node zone=a
kubectl get nodes -L zone
