// Upstream's programs in one, for the tests that put them on the other side:
// `upstream PROGRAM COMMAND FLAGS`, as upstream's images are started.
package main

import (
	goflag "flag"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/logs"

	"open-cluster-management.io/api/feature"
	"open-cluster-management.io/ocm/pkg/cmd/hub"
	"open-cluster-management.io/ocm/pkg/cmd/spoke"
	"open-cluster-management.io/ocm/pkg/features"
)

type gates = map[featuregate.Feature]featuregate.FeatureSpec

var programs = map[string]struct {
	gates    gates
	commands []func() *cobra.Command
}{
	"registration": {
		feature.DefaultHubRegistrationFeatureGates,
		[]func() *cobra.Command{hub.NewRegistrationController, spoke.NewRegistrationAgent},
	},
	"work": {
		feature.DefaultHubWorkFeatureGates,
		[]func() *cobra.Command{hub.NewWorkController, spoke.NewWorkAgent},
	},
	"placement": {nil, []func() *cobra.Command{hub.NewPlacementController}},
	"addon":     {nil, []func() *cobra.Command{hub.NewAddonManager}},
}

func main() {
	pflag.CommandLine.SetNormalizeFunc(utilflag.WordSepNormalizeFunc)
	pflag.CommandLine.AddGoFlagSet(goflag.CommandLine)
	logs.AddFlags(pflag.CommandLine)
	logs.InitLogs()
	defer logs.FlushLogs()

	root := &cobra.Command{Use: "upstream", SilenceUsage: true}
	// Gates are global: only those of the program that runs.
	if len(os.Args) > 1 {
		if program, known := programs[os.Args[1]]; known {
			if program.gates != nil {
				utilruntime.Must(features.HubMutableFeatureGate.Add(program.gates))
				features.HubMutableFeatureGate.AddFlag(pflag.CommandLine)
			}
			command := &cobra.Command{Use: os.Args[1]}
			for _, make := range program.commands {
				command.AddCommand(make())
			}
			root.AddCommand(command)
		}
	}
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
