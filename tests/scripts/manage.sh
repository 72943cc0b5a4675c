#!/usr/bin/env bash
# Written for clusteradm, without a word about the program in its place: what platform
# teams do with a hub once it stands. Needs `clusteradm`, the contexts
# `hub` and `cluster1` in $KUBECONFIG, and nothing on either of them.
set -euo pipefail

# A hub with bootstrap tokens; the join line once more from `get token`.
clusteradm init --use-bootstrap-token --wait --context hub > init.txt
grep -q 'clusteradm join --hub-token ocmhub\.' init.txt
join=$(clusteradm get token --use-bootstrap-token --context hub | grep '^clusteradm join')
[ "$join" = "$(grep -o 'clusteradm join.*' init.txt | sed 's/ --wait//')" ]

# The command file takes the name as its argument.
clusteradm init --use-bootstrap-token --context hub --output-join-command-file join.sh >/dev/null
KUBECONFIG=$KUBECONFIG bash -c "$(cat join.sh) --context cluster1 --wait" join.sh cluster1 >/dev/null
clusteradm accept --clusters cluster1 --wait --context hub | grep -q 'CSR .* approved'

# Sets and bindings, each line as scripts look for it.
[ "$(clusteradm create clusterset eu --context hub)" = "Clusterset eu is created" ]
clusteradm create clusterset eu --context hub | grep -q 'Clusterset eu is already created'
clusteradm clusterset set eu --clusters cluster1 --context hub | grep -q 'Cluster cluster1 is set'
clusteradm clusterset set eu --clusters cluster1 --context hub | grep -q 'is already in'
clusteradm clusterset bind eu --namespace default --context hub |
  grep -q 'Clusterset eu is bound to Namespace default'
clusteradm get clustersets -o table --context hub | grep -Eq '^eu +default'
clusteradm get clusters --clusterset eu -o table --context hub | grep -q '^cluster1'
clusteradm get clusters -o yaml --context hub | grep -q 'name: cluster1'

# A placement and a work that follows it.
clusteradm create placement web --namespace default --clustersets eu --context hub |
  grep -q "Placement 'web' has been created in 'default' namespace"
clusteradm create placement web --namespace default --clustersets eu --count 1 --overwrite --context hub |
  grep -q "Placement 'web' of 'default' namespace has been updated"
for _ in $(seq 100); do
  chosen=$(clusteradm get placements web -n default -o yaml --context hub | grep -c 'numberOfSelectedClusters: 1' || true)
  [ "$chosen" = 1 ] && break
  sleep 0.1
done
[ "$chosen" = 1 ]
cat > web.yaml <<YAML
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: web}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: web}, data: {a: b}}
YAML
clusteradm create work web -f web.yaml --placement default/web --context hub |
  grep -q 'create work web in cluster cluster1'
clusteradm get works web --clusters cluster1 -o table --context hub | grep -Eq '^web +cluster1 +2'
clusteradm delete work web --clusters cluster1 --context hub | grep -q 'work web in cluster cluster1 is deleted'

# Refusals and what is not there.
if clusteradm delete clusterset default --context hub >refused.txt 2>&1; then exit 1; fi
grep -q 'can not be deleted' refused.txt
if clusteradm addon enable --names nothing --clusters cluster1 --context hub >refused.txt 2>&1; then
  exit 1
fi
grep -q 'enabling the unknown addon nothing is not supported' refused.txt
clusteradm clusterset unbind eu --namespace default --context hub |
  grep -q 'Clusterset eu is unbind from namespace default'

# No dry run does what it says.
clusteradm unjoin --cluster-name cluster1 --dry-run --context cluster1 >/dev/null
clusteradm get klusterlet-info --context cluster1 | grep -q 'Registration Operator:'

# And away with it all.
clusteradm unjoin --cluster-name cluster1 --context cluster1 | grep -q 'Applied resources have been deleted'
clusteradm delete token --context hub
if clusteradm get token --use-bootstrap-token --context hub 2>/dev/null; then exit 1; fi
echo "all done"
