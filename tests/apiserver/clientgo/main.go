// Command clientgo does with client-go what controllers do: it discovers,
// maps, lists, watches with bookmarks, keeps an informer, applies on the
// server's side, elects a leader, and works on kinds that it has no types for.
// It prints one line for each thing that it saw, without what differs from run
// to run: the transcript must be the same on every API server.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	autoscalingapply "k8s.io/client-go/applyconfigurations/autoscaling/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

const namespace = "client-go"

// patience bounds everything: it is only reached when something is wrong.
const patience = time.Minute

type program struct {
	ctx       context.Context
	config    *rest.Config
	client    kubernetes.Interface
	dynamic   dynamic.Interface
	discovery discovery.DiscoveryInterface
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: clientgo KUBECONFIG")
		os.Exit(2)
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	check(err)
	config.QPS, config.Burst = 1000, 1000
	config.UserAgent = "clientgo/1"
	ctx, stop := context.WithTimeout(context.Background(), 3*patience)
	defer stop()
	p := &program{
		ctx:       ctx,
		config:    config,
		client:    kubernetes.NewForConfigOrDie(config),
		dynamic:   dynamic.NewForConfigOrDie(config),
		discovery: discovery.NewDiscoveryClientForConfigOrDie(config),
	}
	for _, part := range []struct {
		name string
		run  func()
	}{
		{"discovery and mapping", p.mapping},
		{"typed objects and their errors", p.typed},
		{"pages", p.pages},
		{"server-side apply", p.apply},
		{"watch with bookmarks", p.watching},
		{"informer", p.informer},
		{"kinds without types", p.untyped},
		{"metadata alone", p.metadata},
		{"leader election", p.election},
		{"the end", p.end},
	} {
		fmt.Println("==", part.name)
		part.run()
	}
}

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// told prints an error by what clients ask of it.
func told(what string, err error) {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		fmt.Println(what+":", "done")
	case errors.As(err, &status):
		s := status.Status()
		fmt.Printf("%s: %d %s: %s\n", what, s.Code, s.Reason, s.Message)
		if s.Details != nil {
			for _, cause := range s.Details.Causes {
				fmt.Printf("  %s %s: %s\n", cause.Field, cause.Type, cause.Message)
			}
		}
	default:
		fmt.Println(what+":", err)
	}
}

// eventually asks again until it holds: for what nothing can be watched.
func (p *program) eventually(what string, holds func() bool) {
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) || p.ctx.Err() != nil {
			fmt.Println("never:", what)
			os.Exit(1)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *program) mapping() {
	version, err := p.discovery.ServerVersion()
	check(err)
	fmt.Println("major:", version.Major)
	groups, resources, err := p.discovery.ServerGroupsAndResources()
	check(err)
	wanted := map[string]bool{"apps/v1": true, "rbac.authorization.k8s.io/v1": true, "coordination.k8s.io/v1": true}
	for _, group := range groups {
		if group.Name == "apps" || group.Name == "apiextensions.k8s.io" {
			fmt.Println("group:", group.Name, group.PreferredVersion.Version)
		}
	}
	sort.Slice(resources, func(i, j int) bool { return resources[i].GroupVersion < resources[j].GroupVersion })
	for _, list := range resources {
		if !wanted[list.GroupVersion] {
			continue
		}
		for _, r := range list.APIResources {
			sort.Strings(r.Verbs)
			fmt.Println(list.GroupVersion, r.Name, r.SingularName, r.Kind, r.Namespaced, r.ShortNames, r.Categories, strings.Join(r.Verbs, ","))
		}
	}
	mapper := restmapper.NewShortcutExpander(
		restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(p.discovery)), p.discovery, nil)
	for _, name := range []string{"deploy", "configmaps", "cm", "crd", "clusterrole", "unheard"} {
		found, err := mapper.ResourceFor(schema.GroupVersionResource{Resource: name})
		if err != nil {
			fmt.Println(name, "no match:", meta.IsNoMatchError(err))
			continue
		}
		kind, err := mapper.KindFor(found)
		check(err)
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		check(err)
		fmt.Println(name, "is", mapping.Resource, mapping.GroupVersionKind, mapping.Scope.Name())
	}
	document, err := p.discovery.OpenAPIV3().Paths()
	check(err)
	_, apps := document["apis/apps/v1"]
	fmt.Println("openapi v3 of apps/v1:", apps)
}

func (p *program) typed() {
	_, err := p.client.CoreV1().Namespaces().Create(p.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	check(err)
	maps := p.client.CoreV1().ConfigMaps(namespace)
	p.eventually("a controller has made the first one", func() bool {
		_, err := maps.Get(p.ctx, "kube-root-ca.crt", metav1.GetOptions{})
		return err == nil
	})
	made, err := maps.Create(p.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Data: map[string]string{"n": "1"}}, metav1.CreateOptions{})
	told("create", err)
	_, err = maps.Create(p.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{})
	told("create again", err)
	_, err = maps.Create(p.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "No_Name"}}, metav1.CreateOptions{})
	told("create badly", err)
	_, err = maps.Get(p.ctx, "none", metav1.GetOptions{})
	told("get nothing", err)
	newer := made.DeepCopy()
	newer.Data["n"] = "2"
	_, err = maps.Update(p.ctx, newer, metav1.UpdateOptions{})
	told("update", err)
	made.Data["n"] = "3"
	_, err = maps.Update(p.ctx, made, metav1.UpdateOptions{})
	told("update what is old", err)
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := maps.Get(p.ctx, "a", metav1.GetOptions{})
		if err != nil {
			return err
		}
		now.Data["n"] = "4"
		_, err = maps.Update(p.ctx, now, metav1.UpdateOptions{})
		return err
	})
	told("update with retries", err)
	patched, err := maps.Patch(p.ctx, "a", types.StrategicMergePatchType, []byte(`{"data":{"m":"5"}}`), metav1.PatchOptions{})
	check(err)
	fmt.Println("patched:", patched.Data)
	dry, err := maps.Patch(p.ctx, "a", types.JSONPatchType, []byte(`[{"op":"remove","path":"/data/m"}]`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	check(err)
	fmt.Println("dry run:", dry.Data)
	uid := types.UID("another")
	err = maps.Delete(p.ctx, "a", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	fmt.Println("delete another:", apierrors.IsConflict(err))
	told("delete", maps.Delete(p.ctx, "a", metav1.DeleteOptions{}))
	told("delete again", maps.Delete(p.ctx, "a", metav1.DeleteOptions{}))
	_, err = p.client.AppsV1().Deployments(namespace).GetScale(p.ctx, "none", metav1.GetOptions{})
	told("scale of nothing", err)
}

func (p *program) pages() {
	maps := p.client.CoreV1().ConfigMaps(namespace)
	for i := range 7 {
		name := fmt.Sprintf("page-%d", i)
		_, err := maps.Create(p.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"paged": "yes"}}}, metav1.CreateOptions{})
		check(err)
	}
	list, err := maps.List(p.ctx, metav1.ListOptions{Limit: 3})
	check(err)
	fmt.Println("first page:", len(list.Items), "left:", *list.RemainingItemCount, "more:", list.Continue != "")
	_, err = maps.List(p.ctx, metav1.ListOptions{Limit: 3, Continue: "nonsense"})
	told("a bad continue", err)
	pages := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return maps.List(p.ctx, options)
	}))
	pages.PageSize = 2
	seen := 0
	check(pages.EachListItem(p.ctx, metav1.ListOptions{LabelSelector: "paged"}, func(runtime.Object) error {
		seen++
		return nil
	}))
	fmt.Println("by pages of two:", seen)
	check(maps.DeleteCollection(p.ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "paged"}))
	list, err = maps.List(p.ctx, metav1.ListOptions{LabelSelector: "paged"})
	check(err)
	fmt.Println("left:", len(list.Items))
}

func (p *program) apply() {
	deployments := p.client.AppsV1().Deployments(namespace)
	wanted := func(env ...*coreapply.EnvVarApplyConfiguration) *appsapply.DeploymentApplyConfiguration {
		return appsapply.Deployment("d", namespace).WithSpec(appsapply.DeploymentSpec().
			WithSelector(metaapply.LabelSelector().WithMatchLabels(map[string]string{"a": "b"})).
			WithTemplate(coreapply.PodTemplateSpec().WithLabels(map[string]string{"a": "b"}).
				WithSpec(coreapply.PodSpec().WithContainers(coreapply.Container().
					WithName("c").WithImage("i:1").WithEnv(env...).
					WithPorts(coreapply.ContainerPort().WithContainerPort(80))))))
	}
	first := wanted()
	first.Spec.WithReplicas(2)
	_, err := deployments.Apply(p.ctx, first, metav1.ApplyOptions{FieldManager: "one"})
	told("apply", err)
	other := appsapply.Deployment("d", namespace).WithSpec(appsapply.DeploymentSpec().WithReplicas(3))
	_, err = deployments.Apply(p.ctx, other, metav1.ApplyOptions{FieldManager: "two"})
	told("apply what is another's", err)
	done, err := deployments.Apply(p.ctx, other, metav1.ApplyOptions{FieldManager: "two", Force: true})
	told("by force", err)
	fmt.Println("replicas:", *done.Spec.Replicas)
	done, err = deployments.Apply(p.ctx, wanted(coreapply.EnvVar().WithName("A").WithValue("b")), metav1.ApplyOptions{FieldManager: "one"})
	told("without it", err)
	fmt.Println("replicas:", *done.Spec.Replicas, "env:", done.Spec.Template.Spec.Containers[0].Env)
	extracted, err := appsapply.ExtractDeployment(done, "two")
	check(err)
	fmt.Println("two has:", *extracted.Spec.Replicas, "and no template:", extracted.Spec.Template == nil)
	done, err = deployments.Apply(p.ctx, wanted(), metav1.ApplyOptions{FieldManager: "one"})
	told("less", err)
	fmt.Println("env:", done.Spec.Template.Spec.Containers[0].Env)
	scale := autoscalingapply.Scale().WithName("d").WithSpec(autoscalingapply.ScaleSpec().WithReplicas(5))
	_, err = deployments.ApplyScale(p.ctx, "d", scale, metav1.ApplyOptions{FieldManager: "scaler", Force: true})
	told("scale", err)
	for _, entry := range managers(p, "d") {
		fmt.Println("manager:", entry)
	}
	told("delete", deployments.Delete(p.ctx, "d", metav1.DeleteOptions{}))
}

// managers are who owns fields, but for the controllers that not every server runs.
func managers(p *program, name string) []string {
	object, err := p.client.AppsV1().Deployments(namespace).Get(p.ctx, name, metav1.GetOptions{})
	check(err)
	var found []string
	for _, entry := range object.ManagedFields {
		if entry.Subresource != "status" {
			found = append(found, fmt.Sprint(entry.Manager, " ", entry.Operation, " ", entry.Subresource))
		}
	}
	sort.Strings(found)
	return found
}

func (p *program) watching() {
	maps := p.client.CoreV1().ConfigMaps(namespace)
	_, err := maps.Create(p.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "before", Labels: map[string]string{"seen": "yes"}}}, metav1.CreateOptions{})
	check(err)
	yes := true
	w, err := maps.Watch(p.ctx, metav1.ListOptions{
		LabelSelector:        "seen=yes",
		AllowWatchBookmarks:  true,
		SendInitialEvents:    &yes,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	})
	check(err)
	bookmark := p.events(w, 2)
	fmt.Println("the initial ones end with a version:", bookmark != "")
	_, err = maps.Create(p.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "after", Labels: map[string]string{"seen": "yes"}}}, metav1.CreateOptions{})
	check(err)
	_, err = maps.Patch(p.ctx, "after", types.MergePatchType, []byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{})
	check(err)
	_, err = maps.Patch(p.ctx, "after", types.MergePatchType, []byte(`{"metadata":{"labels":{"seen":"no"}}}`), metav1.PatchOptions{})
	check(err)
	check(maps.Delete(p.ctx, "before", metav1.DeleteOptions{}))
	p.events(w, 4)
	w.Stop()
	w, err = maps.Watch(p.ctx, metav1.ListOptions{LabelSelector: "seen", ResourceVersion: bookmark})
	check(err)
	fmt.Println("from the bookmark on, by another selector:")
	p.events(w, 4)
	w.Stop()
	_, err = maps.Watch(p.ctx, metav1.ListOptions{SendInitialEvents: &yes})
	told("initial events without a match", err)
	_, err = maps.Watch(p.ctx, metav1.ListOptions{ResourceVersion: "nonsense"})
	told("from a bad version", err)
}

// events prints so many; it gives back the version of the last bookmark.
func (p *program) events(w watch.Interface, count int) (bookmark string) {
	for range count {
		select {
		case event, open := <-w.ResultChan():
			if !open {
				fmt.Println("closed")
				return
			}
			object, err := meta.Accessor(event.Object)
			check(err)
			if event.Type == watch.Bookmark {
				bookmark = object.GetResourceVersion()
				fmt.Println(event.Type, object.GetAnnotations())
				continue
			}
			fmt.Println(event.Type, object.GetName(), object.GetLabels())
		case <-time.After(patience):
			fmt.Println("no event")
			return
		}
	}
	return
}

// log holds what handlers saw.
type log struct {
	sync.Mutex
	lines []string
}

func (l *log) add(line string) {
	l.Lock()
	defer l.Unlock()
	l.lines = append(l.lines, line)
}

func (l *log) size() int {
	l.Lock()
	defer l.Unlock()
	return len(l.lines)
}

func (p *program) informer() {
	maps := p.client.CoreV1().ConfigMaps(namespace)
	create := func(name string) {
		_, err := maps.Create(p.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"for": "informer"}}}, metav1.CreateOptions{})
		check(err)
	}
	create("i0")
	create("i1")
	factory := informers.NewSharedInformerFactoryWithOptions(p.client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = "for=informer" }))
	informer := factory.Core().V1().ConfigMaps()
	seen := &log{}
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, initial bool) {
			seen.add(fmt.Sprint("added ", object.(*corev1.ConfigMap).Name, " initially: ", initial))
		},
		UpdateFunc: func(_, object any) { seen.add(fmt.Sprint("updated ", object.(*corev1.ConfigMap).Name)) },
		DeleteFunc: func(object any) { seen.add(fmt.Sprint("deleted ", object.(*corev1.ConfigMap).Name)) },
	})
	check(err)
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	factory.Start(ctx.Done())
	for _, synced := range factory.WaitForCacheSync(ctx.Done()) {
		fmt.Println("synced:", synced)
	}
	p.eventually("the initial ones are seen", func() bool { return seen.size() == 2 })
	sort.Strings(seen.lines)
	create("i2")
	_, err = maps.Patch(p.ctx, "i0", types.MergePatchType, []byte(`{"data":{"a":"b"}}`), metav1.PatchOptions{})
	check(err)
	check(maps.Delete(p.ctx, "i1", metav1.DeleteOptions{}))
	p.eventually("all is seen", func() bool { return seen.size() == 5 })
	for _, line := range seen.lines {
		fmt.Println(line)
	}
	listed, err := informer.Lister().ConfigMaps(namespace).List(labels.Everything())
	check(err)
	fmt.Println("in the cache:", len(listed))
}

var widgets = schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}

func object(text map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: text}
}

func widget(name string, size int64) *unstructured.Unstructured {
	return object(map[string]any{
		"apiVersion": "example.com/v1", "kind": "Widget",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec":     map[string]any{"size": size},
	})
}

func (p *program) untyped() {
	definitions := p.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	_, err := definitions.Create(p.ctx, object(map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "widgets.example.com"},
		"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced",
			"names": map[string]any{"plural": "widgets", "kind": "Widget"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object",
					"properties": map[string]any{
						"spec": map[string]any{"type": "object", "properties": map[string]any{
							"size":   map[string]any{"type": "integer", "maximum": int64(9)},
							"colour": map[string]any{"type": "string", "default": "red"},
						}},
						"status": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
					},
				}},
			}},
		},
	}), metav1.CreateOptions{})
	told("define", err)
	kind := schema.GroupKind{Group: "example.com", Kind: "Widget"}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(p.discovery))
	var mapping *meta.RESTMapping
	p.eventually("it is discovered", func() bool {
		mapper.Reset()
		mapping, err = mapper.RESTMapping(kind)
		return err == nil
	})
	fmt.Println("mapped:", mapping.Resource, mapping.Scope.Name())
	api := p.dynamic.Resource(widgets).Namespace(namespace)
	p.eventually("it is served", func() bool {
		_, err := api.List(p.ctx, metav1.ListOptions{})
		return err == nil
	})
	seen := &log{}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(p.dynamic, 0, namespace, nil)
	_, err = factory.ForResource(widgets).Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { seen.add("added " + object.(*unstructured.Unstructured).GetName()) },
		UpdateFunc: func(_, object any) {
			size, _, _ := unstructured.NestedInt64(object.(*unstructured.Unstructured).Object, "spec", "size")
			seen.add(fmt.Sprint("updated to ", size))
		},
		DeleteFunc: func(any) { seen.add("deleted") },
	})
	check(err)
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	made, err := api.Create(p.ctx, widget("w", 1), metav1.CreateOptions{})
	told("create", err)
	fmt.Println("spec:", made.Object["spec"], "generation:", made.GetGeneration())
	_, err = api.Create(p.ctx, widget("big", 10), metav1.CreateOptions{})
	told("create too large", err)
	_, err = api.Create(p.ctx, object(map[string]any{
		"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": "strict"}, "spec": map[string]any{"sise": int64(1)},
	}), metav1.CreateOptions{FieldValidation: "Strict"})
	told("create with an unknown field", err)
	applied, err := api.Apply(p.ctx, "w", widget("w", 2), metav1.ApplyOptions{FieldManager: "one", Force: true})
	told("apply", err)
	fmt.Println("generation:", applied.GetGeneration())
	applied.Object["status"] = map[string]any{"any": "thing"}
	written, err := api.UpdateStatus(p.ctx, applied, metav1.UpdateOptions{})
	told("write the status", err)
	fmt.Println("status:", written.Object["status"], "generation:", written.GetGeneration())
	check(api.Delete(p.ctx, "w", metav1.DeleteOptions{}))
	p.eventually("all is seen", func() bool { return seen.size() == 4 })
	for _, line := range seen.lines {
		fmt.Println("seen:", line)
	}
	stop()
	factory.Shutdown()
	told("undefine", definitions.Delete(p.ctx, "widgets.example.com", metav1.DeleteOptions{}))
	p.eventually("it is no longer served", func() bool {
		_, err := api.List(p.ctx, metav1.ListOptions{})
		return apierrors.IsNotFound(err)
	})
}

func (p *program) metadata() {
	client := metadata.NewForConfigOrDie(p.config)
	api := client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(namespace)
	one, err := api.Get(p.ctx, "i0", metav1.GetOptions{})
	check(err)
	fmt.Println("got:", one.Name, one.Labels)
	list, err := api.List(p.ctx, metav1.ListOptions{LabelSelector: "for=informer", FieldSelector: fields.OneTermNotEqualSelector("metadata.name", "i0").String()})
	check(err)
	for _, item := range list.Items {
		fmt.Println("listed:", item.Name)
	}
	w, err := api.Watch(p.ctx, metav1.ListOptions{LabelSelector: "for=informer", ResourceVersion: list.ResourceVersion})
	check(err)
	_, err = api.Patch(p.ctx, "i0", types.MergePatchType, []byte(`{"metadata":{"labels":{"more":"x"}}}`), metav1.PatchOptions{})
	check(err)
	p.events(w, 1)
	w.Stop()
}

func (p *program) election() {
	seen := &log{}
	lead := func(name string, ctx context.Context, started func()) {
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: namespace},
			Client:     p.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true,
			LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 200 * time.Millisecond,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					seen.add(name + " leads")
					started()
					<-ctx.Done()
				},
				OnStoppedLeading: func() { seen.add(name + " is done") },
			},
		})
	}
	first, stopFirst := context.WithCancel(p.ctx)
	second, stopSecond := context.WithCancel(p.ctx)
	var group sync.WaitGroup
	leads := make(chan struct{})
	group.Go(func() { lead("one", first, func() { close(leads) }) })
	<-leads
	again := make(chan struct{})
	group.Go(func() { lead("two", second, func() { close(again) }) })
	stopFirst()
	<-again
	lease, err := p.client.CoordinationV1().Leases(namespace).Get(p.ctx, "leader", metav1.GetOptions{})
	check(err)
	fmt.Println("holder:", *lease.Spec.HolderIdentity, "transitions:", *lease.Spec.LeaseTransitions)
	stopSecond()
	group.Wait()
	sort.Strings(seen.lines)
	for _, line := range seen.lines {
		fmt.Println(line)
	}
}

func (p *program) end() {
	w, err := p.client.CoreV1().Namespaces().Watch(p.ctx, metav1.SingleObject(metav1.ObjectMeta{Name: namespace}))
	check(err)
	told("delete the namespace", p.client.CoreV1().Namespaces().Delete(p.ctx, namespace, metav1.DeleteOptions{}))
	for event := range w.ResultChan() {
		if event.Type == watch.Deleted {
			fmt.Println("it is gone")
			return
		}
	}
}
