# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ocmadm_global_optspecs
    string join \n kubeconfig= context= dry-run= timeout= color= q/quiet v/v= h/help V/version
end

function __fish_ocmadm_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ocmadm_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ocmadm_using_subcommand
    set -l cmd (__fish_ocmadm_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ocmadm -n "__fish_ocmadm_needs_command" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_needs_command" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_needs_command" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_needs_command" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_needs_command" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_needs_command" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -s V -l version -d 'Print version'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "help" -d 'Explain a command, as its --help does'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "options" -d 'Print the flags that every command takes'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "plugin" -d 'Say which plugins there are'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "hub" -d 'Run the hub\'s controllers'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "agent" -d 'Run the managed cluster\'s agent'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "init" -d 'Make a cluster a hub'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "join" -d 'Join a cluster to a hub'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "accept" -d 'Accept clusters that asked to join the hub'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "unaccept" -d 'Take back that clusters are accepted; they stay on the list'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "create" -d 'Make works, cluster sets and samples'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "delete" -d 'Delete works, cluster sets and join tokens'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "get" -d 'List clusters, works and more, print join tokens'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "describe" -d 'Show all that is known of a cluster'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "doctor" -d 'Find out why a cluster does not join or work, and what mends it'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "upgrade" -d 'Bring hub or agent to another version'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "install" -d 'Install add-ons for the hub'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "uninstall" -d 'Take add-ons off the hub'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "clusterset" -d 'Group clusters, and let namespaces use the groups'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "addon" -d 'Create add-ons, enable and disable them on managed clusters'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "addons" -d 'Create add-ons, enable and disable them on managed clusters'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "proxy" -d 'Reach managed clusters through the cluster-proxy add-on'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "detach" -d 'Take clusters off the hub, with their works and add-ons'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "unjoin" -d 'Take a cluster out of its hub'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "clean" -d 'Make a hub an ordinary cluster again'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "sandbox" -d 'Run a local hub and managed clusters, without Docker'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "completion" -d 'Print a shell completion script'
complete -c ocmadm -n "__fish_ocmadm_needs_command" -f -a "version" -d 'Print the versions of this program and of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand options" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and not __fish_seen_subcommand_from list" -f -a "list" -d 'Say that there are none'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand plugin; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l listen -d 'Serve health and metrics here; in a sandbox on any free port' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l webhooks -d 'Serve admission webhooks here; in a sandbox on any free port' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l namespace -d 'Namespace of the hub\'s own objects [default: the pod\'s]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -l no-leader-election -d 'Work at once, without asking whether another replica does'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand hub" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l listen -d 'Serve health and metrics here; in a sandbox on any free port' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l namespace -d 'Namespace of the agent\'s own process [default: the pod\'s]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l klusterlet -d 'The Klusterlet to serve [default: klusterlet]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -l no-leader-election -d 'Work at once, without asking whether another replica does'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand agent" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -s o -l output -d 'Output format: text, json, yaml, jsonpath=… or token' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l output-file -d 'Also write the manifests to a file' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l output-join-command-file -d 'Also write the join command to a file that takes the cluster\'s name as its argument' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l token-ttl -d 'How long the token of the join command is valid, from 10m [default: 1h, a bootstrap token 24h]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l create-namespace -d 'Create the namespace open-cluster-management' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l cluster-manager-values-file -d 'Values of clusteradm\'s chart (YAML) that are laid over the flags' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l singleton-name -d 'Name of the multicluster-controlplane' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l registration-drivers -d 'How clusters register: csr, awsirsa, grpc (the last two with upstream components) [default: csr]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l auto-approved-csr-identities -d 'Users whose signing requests are approved without asking (needs ManagedClusterAutoApproval=true)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l auto-approved-arn-patterns -d 'Patterns of ARNs whose clusters are accepted without asking (driver awsirsa)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l auto-approved-grpc-identities -d 'Users whose clusters are accepted without asking (driver grpc)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l hub-cluster-arn -d 'ARN of the hub\'s EKS cluster (driver awsirsa) [default: the kubeconfig\'s name of the cluster]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l aws-resource-tags -d 'Tags of what is made on AWS, as key=value (driver awsirsa)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l grpc-server -d 'Host name of the gRPC server (driver grpc)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l grpc-endpoint-type -d 'How the gRPC server is reached (driver grpc)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l feature-gates -d 'Features, as Name=true,Name=false (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l components -d 'Whose components to install [default: what is there already; else native in a sandbox, upstream elsewhere]' -r -f -a "native\t'This program, as hub and agent'
upstream\t'The images of the OCM project'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l image -d 'Image of the native components, one that holds ocmadm [default in a sandbox: ocmadm]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l image-registry -d 'Registry of the images [default: quay.io/open-cluster-management for upstream\'s]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l image-pull-credential-file -d 'Docker configuration (JSON) with credentials for the registry' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l bundle-version -d 'Version of upstream\'s images' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l bundle-version-overrides -d 'JSON file with image tags (ocm, policy_addon) instead of those of the version' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l resource-qos-class -d 'Resources of the containers: small requests, none, or those given' -r -f -a "Default\t''
BestEffort\t''
ResourceRequirement\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l resource-limits -d 'Limits of the containers, with --resource-qos-class ResourceRequirement' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l resource-requests -d 'Requests of the containers, with --resource-qos-class ResourceRequirement' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l wait -d 'Wait until the hub works'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l use-bootstrap-token -d 'Let clusters join with a bootstrap token instead of a service account\'s'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l force -d 'Leave out what is checked beforehand'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l singleton -d 'The multicluster-controlplane, which OCM has given up'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l show-token -d 'Print tokens and other secrets in a dry run, too'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -l enable-sync-labels -d 'Let labels of the ClusterManager or Klusterlet go to what upstream\'s operator makes of it'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l hub-token -d 'The token to join with, from `get token` on the hub' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l hub-apiserver -d 'URL of the hub\'s API server' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l cluster-name -d 'The name the cluster gets on the hub; with --hub-context, its context\'s name if left out' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l hub-context -d 'Context of the hub: the token, its address and its CA come from there; --context may then name several clusters (a,b,c)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l labels -d 'Labels for the clusters, as key=value (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l taints -d 'Taints for the clusters, as key=value:Effect or key:Effect (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l into-set -d 'Put the clusters into this cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l ca-file -d 'File with the hub\'s CA (PEM) [default: what the hub publishes]' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l ca-hash -d 'What the key of the hub\'s CA hashes to, as `get token` prints it: nothing is told to any other server' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l proxy-url -d 'Proxy on the agent\'s way to the hub; this command goes through it, too, where it can' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l proxy-ca-file -d 'File with the proxy\'s CA (PEM), trusted in addition to the hub\'s' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -s m -l mode -d 'Where the agent runs: default, on the cluster itself; hosted, on this cluster for another one (upstream components)' -r -f -a "default\t''
hosted\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l managed-cluster-kubeconfig -d 'Hosted mode: kubeconfig file of the managed cluster' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l create-namespace -d 'Create the namespace open-cluster-management' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l client-cert-expiration-seconds -d 'Lifetime to ask for of the agent\'s client certificate, in seconds' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l klusterlet-annotation -d 'Annotation for the ManagedCluster (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l registration-auth -d 'How the cluster registers (awsirsa and grpc: upstream components)' -r -f -a "csr\t''
awsirsa\t''
grpc\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l hub-cluster-arn -d 'ARN of the hub\'s EKS cluster (awsirsa)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l managed-cluster-arn -d 'ARN of this EKS cluster (awsirsa) [default: the kubeconfig\'s name of the cluster]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l grpc-server -d 'URL of the hub\'s gRPC server (grpc)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l grpc-ca-file -d 'File with the CA of the gRPC server (PEM) [default: what the hub publishes]' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l addon-kubeclient-registration-auth -d 'How add-ons get their credentials for the hub' -r -f -a "csr\t''
token\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l addon-token-expiration-seconds -d 'Lifetime of add-ons\' tokens, in seconds; 0: the default (token)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l klusterlet-values-file -d 'Values of clusteradm\'s chart (YAML) that are laid over the flags' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l output-file -d 'Also write the manifests, the token among them, to a file' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l capi-cluster-name -d 'The Cluster, in its management cluster' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l capi-kubeconfig -d 'Kubeconfig file of the management cluster to use instead of --kubeconfig' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l feature-gates -d 'Features, as Name=true,Name=false (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l components -d 'Whose components to install [default: what is there already; else native in a sandbox, upstream elsewhere]' -r -f -a "native\t'This program, as hub and agent'
upstream\t'The images of the OCM project'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l image -d 'Image of the native components, one that holds ocmadm [default in a sandbox: ocmadm]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l image-registry -d 'Registry of the images [default: quay.io/open-cluster-management for upstream\'s]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l image-pull-credential-file -d 'Docker configuration (JSON) with credentials for the registry' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l bundle-version -d 'Version of upstream\'s images' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l bundle-version-overrides -d 'JSON file with image tags (ocm, policy_addon) instead of those of the version' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l resource-qos-class -d 'Resources of the containers: small requests, none, or those given' -r -f -a "Default\t''
BestEffort\t''
ResourceRequirement\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l resource-limits -d 'Limits of the containers, with --resource-qos-class ResourceRequirement' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l resource-requests -d 'Requests of the containers, with --resource-qos-class ResourceRequirement' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l accept -d 'Accept on the hub, too; with --wait, wait until the cluster is available'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l wait -d 'Wait until the cluster has registered with the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l force-internal-endpoint-lookup -d 'Let the agent use the address that the hub itself names (kind, NAT)'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l singleton -d 'Run registration and work in one process (native components always do)'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l force-internal-endpoint-lookup-managed -d 'Hosted mode: let the agent use the address that the managed cluster itself names (kind, NAT)'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l capi-import -d 'Join a cluster that Cluster API made; --context leads to its management cluster'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l show-token -d 'Print tokens and other secrets in a dry run, too'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -l enable-sync-labels -d 'Let labels of the ClusterManager or Klusterlet go to what upstream\'s operator makes of it'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand join" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l requesters -d 'Approve requests for these users only (common names), separated by commas' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l labels -d 'Labels for the clusters, as key=value (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l taints -d 'Taints for the clusters, as key=value:Effect or key:Effect (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l into-set -d 'Put the clusters into this cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l wait -d 'Also wait until the clusters have joined'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -l skip-approve-check -d 'Approve requests of users that are no bootstrap identity of this hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unaccept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -f -a "clusterset" -d 'Make a cluster set'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -f -a "managedclusterset" -d 'Make a cluster set'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -f -a "placement" -d 'Choose managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -f -a "sampleapp" -d 'Make a sample application for Argo CD'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -f -a "work" -d 'Send manifests to managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and not __fish_seen_subcommand_from clusterset managedclusterset placement sampleapp work manifestwork" -f -a "manifestwork" -d 'Send manifests to managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from clusterset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from managedclusterset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -s n -l namespace -d 'The namespace it is in' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l clustersets -l clusterset -d 'Cluster sets to choose from, separated by commas; all that are bound to the namespace when absent' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l label-selectors -d 'Labels of which one must fit, separated by commas: \'env=prod,env=test\' are two alternatives (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -s l -l selector -d 'Labels that must all fit, as kubectl writes selectors: \'env=prod,zone in (a,b),!old\' (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l claim-selector -d 'Claims clusters must make, written like labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l cel -d 'CEL expression over managedCluster that must be true (repeatable: all must)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l count -l number -d 'How many clusters; all that fit when absent' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l prioritizers -d 'What is preferred: BuiltIn:NAME:WEIGHT or AddOn:RESOURCE:SCORE:WEIGHT, separated by commas' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l tolerate -d 'Taint that does not matter: KEY[=VALUE][:EFFECT][@SECONDS], or * for all (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l group -d 'Decision group: NAME:SELECTOR (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l clusters-per-group -d 'How many clusters a group holds at most: a number, or a percentage of all' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l spread -d 'Spread evenly over a label\'s values: LABEL[:SKEW][:must] (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -s o -l output -d 'Print the placement instead of a line: json, yaml or name' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l exact -d 'Only these prioritizers, without Balance and Steady'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -l overwrite -d 'Change the placement if it exists already; the difference is shown first'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from placement" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from sampleapp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s f -l filename -d 'Files, folders, quoted patterns, http(s) addresses or - (standard input), separated by commas (repeatable)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l placement -d 'Send to the clusters that a placement has chosen' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s k -l kustomize -d 'Folder with a kustomization to build (with kubectl) instead of -f' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l unwrap -d 'Send what a ManifestWork among the manifests holds, not the ManifestWork itself' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s R -l recursive -d 'Search folders below folders too' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s n -l namespace -d 'Namespace for manifests of namespaced kinds that name none' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l executor -d 'Service account on the managed cluster to apply as' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s o -l output -d 'Print the works instead of a line each: json, yaml or name' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s r -l replicaset -d 'Make a ManifestWorkReplicaSet that follows the placement'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l overwrite -d 'Change works that exist already; the difference is shown first'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -l wait -d 'Wait until everything is applied and available'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from work" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s f -l filename -d 'Files, folders, quoted patterns, http(s) addresses or - (standard input), separated by commas (repeatable)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l placement -d 'Send to the clusters that a placement has chosen' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s k -l kustomize -d 'Folder with a kustomization to build (with kubectl) instead of -f' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l unwrap -d 'Send what a ManifestWork among the manifests holds, not the ManifestWork itself' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s R -l recursive -d 'Search folders below folders too' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s n -l namespace -d 'Namespace for manifests of namespaced kinds that name none' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l executor -d 'Service account on the managed cluster to apply as' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s o -l output -d 'Print the works instead of a line each: json, yaml or name' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s r -l replicaset -d 'Make a ManifestWorkReplicaSet that follows the placement'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l overwrite -d 'Change works that exist already; the difference is shown first'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -l wait -d 'Wait until everything is applied and available'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand create; and __fish_seen_subcommand_from manifestwork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "clusterset" -d 'Delete a cluster set; its clusters stay'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "managedclusterset" -d 'Delete a cluster set; its clusters stay'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "placement" -d 'Delete placements; what was put by them may end'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "replicaset" -d 'Delete replica sets of works, and with them their works'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "manifestworkreplicaset" -d 'Delete replica sets of works, and with them their works'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "token" -d 'Delete what clusters join with: no more can join until `init` is run again'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "work" -d 'Delete a work, and with it its resources on the managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and not __fish_seen_subcommand_from clusterset managedclusterset placement replicaset manifestworkreplicaset token work manifestwork" -f -a "manifestwork" -d 'Delete a work, and with it its resources on the managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from clusterset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from managedclusterset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -s n -l namespace -d 'Their namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from placement" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -s n -l namespace -d 'Their namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -l wait -d 'Wait until the set and its works are gone' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from replicaset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -s n -l namespace -d 'Their namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -l wait -d 'Wait until the set and its works are gone' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestworkreplicaset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l wait -d 'Wait until the work and its resources are gone' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -l force -d 'Do not wait for the agent: its resources stay on the managed cluster'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from work" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l wait -d 'Wait until the work and its resources are gone' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -l force -d 'Do not wait for the agent: its resources stay on the managed cluster'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand delete; and __fish_seen_subcommand_from manifestwork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "token" -d 'Print a token and the command to join the hub with it'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "clusters" -d 'List managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "cluster" -d 'List managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "managedclusters" -d 'List managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "hub-info" -d 'Show what of the hub is installed'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "klusterlet-info" -d 'Show what of the managed cluster\'s agent is installed, and how it is'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "clustersets" -d 'List cluster sets'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "clusterset" -d 'List cluster sets'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "managedclustersets" -d 'List cluster sets'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "addons" -d 'List add-ons and where they run'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "addon" -d 'List add-ons and where they run'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "managedclusteraddons" -d 'List add-ons and where they run'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "works" -d 'List works, and what happened to the resources of one'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "work" -d 'List works, and what happened to the resources of one'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "manifestworks" -d 'List works, and what happened to the resources of one'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "placements" -d 'List placements, what they chose, and why not the rest'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "placement" -d 'List placements, what they chose, and why not the rest'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "replicasets" -d 'List replica sets of works, and how far each is'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "replicaset" -d 'List replica sets of works, and how far each is'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and not __fish_seen_subcommand_from token clusters cluster managedclusters hub-info klusterlet-info clustersets clusterset managedclustersets addons addon managedclusteraddons works work manifestworks placements placement replicasets replicaset manifestworkreplicasets" -f -a "manifestworkreplicasets" -d 'List replica sets of works, and how far each is'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -s o -l output -d 'Output format: text, json, yaml, jsonpath=… or token' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l ttl -d 'How long the token shall be valid, from 10m; the server may allow less' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l use-bootstrap-token -d 'Use the hub\'s bootstrap token (from `init --use-bootstrap-token`) instead of a service account\'s'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -l list -d 'List what clusters can join with instead; no token is shown or issued'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l clusterset -d 'Only clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l clusterset -d 'Only clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from cluster" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l clusterset -d 'Only clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -s o -l output -d 'Output format: text, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from hub-info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -s o -l output -d 'Output format: text, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from klusterlet-info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clustersets" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from clusterset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclustersets" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addons" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from addon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from managedclusteraddons" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from works" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from work" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s n -l namespace -d 'Only placements of this namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s A -l all-namespaces -d 'Those of all namespaces, also without --namespace'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -l explain -d 'For every cluster: its scores or what keeps it from being chosen, compared with what the hub decided'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placements" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s n -l namespace -d 'Only placements of this namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s A -l all-namespaces -d 'Those of all namespaces, also without --namespace'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -l explain -d 'For every cluster: its scores or what keeps it from being chosen, compared with what the hub decided'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from placement" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s n -l namespace -d 'Only replica sets of this namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s A -l all-namespaces -d 'Those of all namespaces, also without --namespace'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicasets" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s n -l namespace -d 'Only replica sets of this namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s A -l all-namespaces -d 'Those of all namespaces, also without --namespace'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from replicaset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s n -l namespace -d 'Only replica sets of this namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s o -l output -d 'Output format: table, wide, tree, json, yaml, name, jsonpath=…, custom-columns=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s l -l selector -d 'Only objects with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -l field-selector -d 'Only objects with these fields, as metadata.name=x' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -l sort-by -d 'Order by a field, as .metadata.creationTimestamp' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s A -l all-namespaces -d 'Those of all namespaces, also without --namespace'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s w -l watch -d 'Go on and print what changes, until interrupted'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand get; and __fish_seen_subcommand_from manifestworkreplicasets" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -f -a "cluster" -d 'Show all that the hub knows of managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -f -a "clusters" -d 'Show all that the hub knows of managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -f -a "managedcluster" -d 'Show all that the hub knows of managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -f -a "work" -d 'Show a work with every resource, what was reported of it, and what happened'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -f -a "works" -d 'Show a work with every resource, what was reported of it, and what happened'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and not __fish_seen_subcommand_from cluster clusters managedcluster work works manifestwork" -f -a "manifestwork" -d 'Show a work with every resource, what was reported of it, and what happened'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from cluster" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from clusters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from managedcluster" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from work" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from works" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand describe; and __fish_seen_subcommand_from manifestwork" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -l cluster -d 'Only this managed cluster' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -l managed-context -d 'Context of the managed cluster, to look at its side, too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -s o -l output -d 'Output format: a list where nothing is said' -r -f -a "json\t''
yaml\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -f -a "clustermanager" -d 'Upgrade the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and not __fish_seen_subcommand_from clustermanager klusterlet" -f -a "klusterlet" -d 'Upgrade the agents of this cluster'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l cluster-manager-values-file -d 'Values of clusteradm\'s chart (YAML) that are laid over what is there' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l bundle-version -d 'Version of upstream\'s images' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l bundle-version-overrides -d 'JSON file with image tags (ocm, policy_addon) instead of those of the version' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l image-registry -d 'Registry of upstream\'s images [default: the one in use]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l image -d 'Image of native components [default: the one in use]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l allow-downgrade -d 'Go back to an older version too'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -l wait -d 'Wait until the new version works'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from clustermanager" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l klusterlet-values-file -d 'Values of clusteradm\'s chart (YAML) that are laid over what is there' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l hub-context -d 'Context of the hub: agents that would be newer than it are refused' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l bundle-version -d 'Version of upstream\'s images' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l bundle-version-overrides -d 'JSON file with image tags (ocm, policy_addon) instead of those of the version' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l image-registry -d 'Registry of upstream\'s images [default: the one in use]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l image -d 'Image of native components [default: the one in use]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l allow-downgrade -d 'Go back to an older version too'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -l wait -d 'Wait until the new version works'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand upgrade; and __fish_seen_subcommand_from klusterlet" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and not __fish_seen_subcommand_from hub-addon" -f -a "hub-addon" -d 'Install add-ons for the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l names -d 'The add-ons: argocd, argocd-agent, governance-policy-framework' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l create-namespace -d 'Create the add-on\'s namespace' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l repository -d 'Repository of the charts (argocd, argocd-agent), or a folder that holds them' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l namespace -d 'Namespace of what is built in (governance-policy-framework)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l output-file -d 'Write the manifests of what is built in to this file' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l image-registry -d 'Registry of the images of what is built in [default: quay.io/open-cluster-management]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l bundle-version -d 'Version of upstream\'s images' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l bundle-version-overrides -d 'JSON file with image tags (ocm, policy_addon) instead of those of the version' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand install; and __fish_seen_subcommand_from hub-addon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and not __fish_seen_subcommand_from hub-addon" -f -a "hub-addon" -d 'Take add-ons off the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -l names -d 'The add-ons: argocd, argocd-agent, governance-policy-framework' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -l namespace -d 'Namespace of what is built in (governance-policy-framework)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand uninstall; and __fish_seen_subcommand_from hub-addon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -f -a "bind" -d 'Let placements of a namespace choose from a cluster set'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -f -a "set" -d 'Put clusters into a cluster set, or have namespaces on its members'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -f -a "unbind" -d 'Take a cluster set away from a namespace'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and not __fish_seen_subcommand_from bind set unbind unset" -f -a "unset" -d 'Take clusters out of their cluster set'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -s n -l namespace -d 'The namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from bind" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l namespaces -d 'Namespaces that every member shall have, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -s n -l namespace -d 'The namespace' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unbind" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clusterset; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -f -a "create" -d 'Create an add-on from manifests'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -f -a "disable" -d 'Disable add-ons on managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and not __fish_seen_subcommand_from create disable enable" -f -a "enable" -d 'Enable add-ons on managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -s f -l filename -d 'Files, folders, quoted patterns, http(s) addresses or - (standard input), separated by commas (repeatable)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l version -d 'Version of the template; each has an AddOnTemplate of its own, NAME-VERSION' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l cluster-role-bind -d 'ClusterRole that registered agents get in their cluster\'s namespace on the hub' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l labels -d 'Labels of the add-on and its template, as key=value,... (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l placement-ref -d 'Install the add-on on the clusters that this placement chooses' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l overwrite -d 'Change what exists already; the difference is shown first'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -l hub-registration -d 'Let the add-on\'s agents register at the hub\'s API server'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l names -d 'Add-ons, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -l wait -d 'Wait until the add-ons are gone'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l names -d 'Add-ons, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -s n -l namespace -d 'Namespace for the add-on\'s agent on the managed clusters' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l annotate -d 'Annotations of the add-on, as key=value,... (repeatable); others stay' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l labels -d 'Labels of the add-on, as key=value,... (repeatable); others stay' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l config-file -d 'File with the configuration object of the add-on; it is applied on the hub' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -l wait -d 'Wait until the add-ons are available'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addon; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -f -a "create" -d 'Create an add-on from manifests'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -f -a "disable" -d 'Disable add-ons on managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and not __fish_seen_subcommand_from create disable enable" -f -a "enable" -d 'Enable add-ons on managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -s f -l filename -d 'Files, folders, quoted patterns, http(s) addresses or - (standard input), separated by commas (repeatable)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l version -d 'Version of the template; each has an AddOnTemplate of its own, NAME-VERSION' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l cluster-role-bind -d 'ClusterRole that registered agents get in their cluster\'s namespace on the hub' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l labels -d 'Labels of the add-on and its template, as key=value,... (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l placement-ref -d 'Install the add-on on the clusters that this placement chooses' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l overwrite -d 'Change what exists already; the difference is shown first'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -l hub-registration -d 'Let the add-on\'s agents register at the hub\'s API server'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l names -d 'Add-ons, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -l wait -d 'Wait until the add-ons are gone'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l names -d 'Add-ons, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -s n -l namespace -d 'Namespace for the add-on\'s agent on the managed clusters' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l annotate -d 'Annotations of the add-on, as key=value,... (repeatable); others stay' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l labels -d 'Labels of the add-on, as key=value,... (repeatable); others stay' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l config-file -d 'File with the configuration object of the add-on; it is applied on the hub' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -l wait -d 'Wait until the add-ons are available'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand addons; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -f -a "health" -d 'Ask the API servers of managed clusters, through the proxy, how they are'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and not __fish_seen_subcommand_from health kubectl" -f -a "kubectl" -d 'Run kubectl on a managed cluster, through the proxy'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -s c -l clusters -d 'Only of these managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l clusterset -d 'Only of clusters of this set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l cluster-selector -d 'Only of clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l in-cluster-proxy-cert-lookup -d 'Take the proxy\'s certificates from its Secrets on the hub' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l proxy-ca-cert -d 'File with the CA of the proxy server (PEM); with --proxy-cert and --proxy-key' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l proxy-cert -d 'File with a client certificate for the proxy server (PEM)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l proxy-key -d 'File with the key of --proxy-cert (PEM)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l proxy-server-host -d 'Host of the proxy server; a port of its pods is forwarded where nothing is said' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l proxy-server-port -d 'Port of the proxy server' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -s o -l output -d 'Output format: a table where nothing is said' -r -f -a "json\t''
yaml\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -s c -l cluster -d 'The managed cluster' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l sa -d 'The ManagedServiceAccount to be' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l args -d 'What to pass to kubectl, as a shell would read it' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l in-cluster-proxy-cert-lookup -d 'Take the proxy\'s certificates from its Secrets on the hub' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l proxy-ca-cert -d 'File with the CA of the proxy server (PEM); with --proxy-cert and --proxy-key' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l proxy-cert -d 'File with a client certificate for the proxy server (PEM)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l proxy-key -d 'File with the key of --proxy-cert (PEM)' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l proxy-server-host -d 'Host of the proxy server; a port of its pods is forwarded where nothing is said' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l proxy-server-port -d 'Port of the proxy server' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -s i -l interactive-mode -d 'Ask for one command after the other, until `exit`'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand proxy; and __fish_seen_subcommand_from kubectl" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -s c -l clusters -d 'Names of managed clusters, separated by commas (repeatable)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l clusterset -d 'All clusters of a cluster set' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -s l -l selector -d 'All clusters with these labels' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l managed-context -d 'Context of the managed cluster: its agent is removed, too (one cluster at a time)' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l all -d 'All clusters of the hub'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -l force -d 'Do not wait for agents: resources of works stay on the managed clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand detach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l cluster-name -d 'The name the cluster has on the hub' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l purge-operator -d 'Remove the operator too, if no other Klusterlet needs it' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l hub-context -d 'Context of the hub, for --drain' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l force -d 'Leave even if works are still there (their resources stay), or no agent answers'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -l drain -d 'Delete the cluster\'s works and add-ons on the hub first, and wait until they are gone'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand unjoin" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l name -d 'The ClusterManager\'s name' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l purge-operator -d 'Remove the operator too' -r -f -a "true\t''
false\t''"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -s o -l output -d 'Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -l force -d 'Clean up even if managed clusters are still available'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -s y -l yes -d 'Do not ask before deleting or overwriting'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand clean" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "supervise" -d 'Serve the sandbox: what `up` starts in the background'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "node" -d 'Simulate a node in the cluster of a kubeconfig, to test on'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "up" -d 'Start it, with all it held when it last ran'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "down" -d 'Stop it; its data stays'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "status" -d 'Show its clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "kubeconfig" -d 'Print its kubeconfig'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "logs" -d 'Print logs of the sandbox or of what runs in its clusters'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and not __fish_seen_subcommand_from supervise node up down status kubeconfig logs demo" -f -a "demo" -d 'Play the whole tutorial in a sandbox of its own, then remove it'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l clusters -d 'How many managed clusters [default: those it has, or 2]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l name-prefix -d 'Name of the managed clusters, before their number [default: cluster]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l first-port -d 'Port of a new hub; new clusters get the following ones [default: free ones]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from supervise" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l name -d 'Name of the node' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -l controllers -d 'Simulate the workload controllers too: the cluster has none'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from node" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l clusters -d 'How many managed clusters [default: those it has, or 2]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l name-prefix -d 'Name of the managed clusters, before their number [default: cluster]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l first-port -d 'Port of a new hub; new clusters get the following ones [default: free ones]' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l delete-data -l delete -l purge -d 'Remove its folder, with all clusters and keys'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s o -l output -d 'Output format: table, json or yaml' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -l path -d 'Print the path of the file instead of its content'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from kubeconfig" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s f -l follow -d 'Go on printing what is added'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l dir -d 'Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]' -r -f -a "(__fish_complete_directories)"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -s o -l output -d 'Output format: text, json, yaml or jsonpath=…' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -l kubeconfig -d 'Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config' -r -F
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -l context -d 'Kubeconfig context to use instead of the current one' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -l dry-run -d 'Show what would be done, change nothing; with =server the server checks it too' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -l timeout -d 'How long to wait, in seconds or as 90s, 5m, 1h' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -s v -l v -d 'Log what happens to stderr: 1 decisions, 4 details, 6 requests' -r
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -l client -d 'Only this program\'s version; no server is asked'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -s q -l quiet -d 'No status lines, hints or progress'
complete -c ocmadm -n "__fish_ocmadm_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
