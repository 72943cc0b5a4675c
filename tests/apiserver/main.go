// Command realcp runs a real Kubernetes control plane on loopback: etcd,
// kube-apiserver, kube-controller-manager and its garbage collector (collector.go
// says why by itself), each a child process of this one binary, with a PKI of its
// own. It prints the path of an admin kubeconfig on stdout once the API server is
// ready, and stops everything when it is signalled or when its standard input ends
// (with --until-eof).
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "etcd":
			exit(runEtcd(os.Args[2:]))
		case "kube-apiserver":
			command := apiserver.NewAPIServerCommand()
			command.SetArgs(os.Args[2:])
			exit(command.Execute())
		case "kube-controller-manager":
			command := controllermanager.NewControllerManagerCommand()
			command.SetArgs(os.Args[2:])
			exit(command.Execute())
		case "garbage-collector":
			exit(runCollector(os.Args[2:]))
		}
	}
	exit(up())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "realcp:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runEtcd takes the flags of the etcd program that are used here, so that
// either can be started by one command line.
func runEtcd(args []string) error {
	config := embed.NewConfig()
	config.LogLevel = "error"
	config.EnableGRPCGateway = true
	flags := flag.NewFlagSet("etcd", flag.ExitOnError)
	flags.StringVar(&config.Dir, "data-dir", "", "data folder")
	flags.BoolVar(&config.UnsafeNoFsync, "unsafe-no-fsync", false, "do not sync every write to disk")
	flags.UintVar(&config.MaxTxnOps, "max-txn-ops", config.MaxTxnOps, "operations of one transaction")
	flags.UintVar(&config.MaxRequestBytes, "max-request-bytes", config.MaxRequestBytes, "bytes of one request")
	flags.StringVar(&config.InitialCluster, "initial-cluster", "", "name=URL of this member")
	urls := func(name string, into *[]url.URL) {
		flags.Func(name, "one URL", func(text string) error {
			parsed, err := url.Parse(text)
			if err == nil {
				*into = []url.URL{*parsed}
			}
			return err
		})
	}
	urls("listen-client-urls", &config.ListenClientUrls)
	urls("advertise-client-urls", &config.AdvertiseClientUrls)
	urls("listen-peer-urls", &config.ListenPeerUrls)
	urls("initial-advertise-peer-urls", &config.AdvertisePeerUrls)
	if err := flags.Parse(args); err != nil {
		return err
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	select {
	case err := <-server.Err():
		return err
	case <-signals:
		server.Close()
		return nil
	}
}

type options struct {
	dir              string
	port             int
	controllers      string
	fsync            bool
	untilEOF         bool
	timeout          time.Duration
	apiserverOptions string
}

func up() error {
	var o options
	flag.StringVar(&o.dir, "dir", "", "folder for data, certificates and logs (required)")
	flag.IntVar(&o.port, "port", 0, "port of the API server (0: any free one)")
	flag.StringVar(&o.controllers, "controllers", "*,bootstrapsigner,tokencleaner", "as kube-controller-manager takes it; empty: run none")
	flag.BoolVar(&o.fsync, "fsync", false, "etcd syncs every write to disk")
	flag.BoolVar(&o.untilEOF, "until-eof", false, "stop when standard input ends")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "how long to wait until the API server is ready")
	flag.StringVar(&o.apiserverOptions, "apiserver-options", "", "more flags for kube-apiserver, separated by blanks")
	flag.Parse()
	if o.dir == "" {
		return fmt.Errorf("--dir is required")
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	if o.port != 0 {
		ports[0] = o.port
	}
	server := fmt.Sprintf("https://127.0.0.1:%d", ports[0])
	pki, err := newPKI(filepath.Join(dir, "pki"))
	if err != nil {
		return err
	}
	admin, err := pki.kubeconfig(dir, "admin", server, "kubernetes-admin", "system:masters")
	if err != nil {
		return err
	}
	// One identity for all controllers: their service accounts would be objects
	// that a test's clean-up has to tell from its own.
	manager, err := pki.kubeconfig(dir, "controller-manager", server, "system:kube-controller-manager", "system:masters")
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.untilEOF {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin))
			cancel()
		}()
	}
	group := &children{dir: dir, failed: make(chan error, 4)}
	defer group.stop()

	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	peer := fmt.Sprintf("http://127.0.0.1:%d", ports[2])
	if err := group.start("etcd",
		"--data-dir="+filepath.Join(dir, "etcd"),
		"--listen-client-urls="+etcd,
		"--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peer,
		"--initial-advertise-peer-urls="+peer,
		"--initial-cluster=default="+peer,
		"--unsafe-no-fsync="+strconv.FormatBool(!o.fsync)); err != nil {
		return err
	}
	args := []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", ports[0]),
		"--cert-dir=" + filepath.Join(dir, "pki"),
		"--tls-cert-file=" + pki.path("apiserver.crt"),
		"--tls-private-key-file=" + pki.path("apiserver.key"),
		"--client-ca-file=" + pki.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + pki.path("sa.pub"),
		"--service-account-signing-key-file=" + pki.path("sa.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--enable-bootstrap-token-auth=true",
		"--endpoint-reconciler-type=none",
		"--storage-media-type=application/vnd.kubernetes.protobuf",
	}
	args = append(args, strings.Fields(o.apiserverOptions)...)
	if err := group.start("kube-apiserver", args...); err != nil {
		return err
	}
	if err := waitReady(ctx, group, pki, server, o.timeout); err != nil {
		return fmt.Errorf("%w (logs: %s)", err, dir)
	}
	if o.controllers != "" {
		if err := group.start("kube-controller-manager",
			"--kubeconfig="+manager,
			"--bind-address=127.0.0.1",
			"--secure-port=0",
			"--leader-elect=false",
			"--controllers="+o.controllers+",-garbage-collector-controller",
			"--kube-api-qps=500",
			"--kube-api-burst=1000",
			"--service-account-private-key-file="+pki.path("sa.key"),
			"--root-ca-file="+pki.path("ca.crt"),
			"--cluster-signing-cert-file="+pki.path("ca.crt"),
			"--cluster-signing-key-file="+pki.path("ca.key"),
			"--cluster-signing-duration=8760h"); err != nil {
			return err
		}
		if err := group.start("garbage-collector", "--kubeconfig="+manager); err != nil {
			return err
		}
	}
	fmt.Println(admin)
	select {
	case <-ctx.Done():
		return nil
	case err := <-group.failed:
		return err
	}
}

// waitReady polls /readyz: the process that starts offers nothing to watch.
func waitReady(ctx context.Context, group *children, pki *pki, server string, timeout time.Duration) error {
	roots := x509.NewCertPool()
	roots.AddCert(pki.ca)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	deadline := time.After(timeout)
	last := "no answer yet"
	for {
		response, err := client.Get(server + "/readyz")
		if err == nil {
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			last = string(body)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-group.failed:
			return err
		case <-deadline:
			return fmt.Errorf("kube-apiserver is not ready after %s: %s", timeout, last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// children are the processes of the control plane; their output goes to files.
type children struct {
	dir     string
	running []*exec.Cmd
	failed  chan error
}

func (c *children) start(name string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	command := exec.Command(self, append([]string{name}, args...)...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return err
	}
	c.running = append(c.running, command)
	go func() {
		err := command.Wait()
		c.failed <- fmt.Errorf("%s ended: %v, see %s", name, err, log.Name())
	}()
	return nil
}

func (c *children) stop() {
	for _, command := range c.running {
		_ = command.Process.Kill()
	}
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
