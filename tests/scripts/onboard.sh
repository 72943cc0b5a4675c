#!/usr/bin/env bash
# Written for clusteradm, without a word about ocmadm: the ways in which scripts of
# OCM's users call it and read what it prints. Needs `clusteradm`, the contexts `hub`
# and `cluster1` in $KUBECONFIG, and nothing on either of them.
set -euo pipefail

# The join command is the one line of stdout that holds the program's name.
joincmd=$(clusteradm init --wait --context hub | grep clusteradm)
[ "$(echo "$joincmd" | wc -l)" = 1 ]
[[ "$joincmd" =~ '<cluster_name>'$ ]]

# That very line joins a cluster, with flags appended and the name put in by sed: the
# --wait that it has comes twice, and counts once.
$(echo "$joincmd" --force-internal-endpoint-lookup --wait --context cluster1 | sed "s/<cluster_name>/cluster1/g")
clusteradm accept --context=hub --clusters cluster1 --wait=true --logtostderr=true
clusteradm unjoin --cluster-name cluster1 --context cluster1

# A second init changes nothing and prints the same kind of line.
clusteradm init --wait --context hub | grep -q '^ *clusteradm join'

# The words of that line, by their places.
words=($(clusteradm get token --context hub | grep clusteradm))
[ "${words[*]:1:2}" = "join --hub-token" ] && [ "${words[4]}" = --hub-apiserver ]
[ "$(clusteradm get token --context hub | head -1 | cut -d= -f1)" = token ]
token=$(clusteradm get token --context hub -o json | sed -n 's/.*"hub-token": *"\([^"]*\)".*/\1/p')
[ "${#token}" -gt 100 ]
server=$(clusteradm get token --context hub -o json | sed -n 's/.*"hub-apiserver": *"\([^"]*\)".*/\1/p')
[ "$server" = "${words[5]}" ]

# Manifests for somebody else to apply.
clusteradm join --hub-token "$token" --hub-apiserver "$server" --cluster-name cluster1 \
  --context cluster1 --dry-run --output-file join.yaml >/dev/null
grep -q 'kind: Klusterlet' join.yaml
grep -q 'name: bootstrap-hub-kubeconfig' join.yaml

# The same with the line of get token.
joincmd=$(clusteradm get token --context hub | grep clusteradm)
$(echo "$joincmd" --force-internal-endpoint-lookup --context cluster1 | sed "s/<cluster_name>/cluster1/g")
clusteradm accept --context hub --clusters cluster1 --wait
# Once more is no failure.
clusteradm accept --context hub --clusters cluster1 --wait

clusteradm get clusters --context hub | grep -q cluster1

cat > work.yaml <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {colour: red}
EOF
clusteradm create work settings -f work.yaml --clusters cluster1 --context hub
clusteradm get works --cluster cluster1 --context hub | grep -q settings
sed -i s/red/green/ work.yaml
clusteradm create work settings -f work.yaml --clusters cluster1 --overwrite --context hub
clusteradm delete work settings --cluster cluster1 --context hub

clusteradm unjoin --cluster-name cluster1 --context cluster1
echo "all done"
