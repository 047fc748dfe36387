package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of one file.
type manifests struct {
	services  []*corev1.Service
	budgets   []*policyv1.PodDisruptionBudget
	policies  []*networkingv1.NetworkPolicy
	workloads []*workload
}

// workload is a StatefulSet or a Deployment: what starts pods.
type workload struct {
	kind     string
	meta     metav1.ObjectMeta
	replicas int
	selector *metav1.LabelSelector
	pod      corev1.PodTemplateSpec
	service  string // Of a StatefulSet: what names its pods.
	claims   []corev1.PersistentVolumeClaim
}

// loadKubernetes reads manifests as an API server does that is told to take no field that it does not know.
func loadKubernetes(file string) (*deployment, []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, []string{err.Error()}
	}
	m, findings := decodeManifests(text)
	if len(findings) == 0 {
		findings = m.check()
	}
	if len(findings) > 0 {
		return nil, findings
	}
	return m.deployment()
}

// decodeManifests returns the objects of a file.
func decodeManifests(text []byte) (m *manifests, findings []string) {
	m = new(manifests)
	seen := map[string]bool{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for n := 1; ; n++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return m, findings
		}
		if err == nil {
			var what string
			if what, err = m.decode(document); err == nil && seen[what] {
				err = fmt.Errorf("%s is there twice", what)
			}
			seen[what] = true
		}
		if err != nil {
			findings = append(findings, fmt.Sprintf("document %d: %v", n, err))
			if len(findings) > 20 {
				return m, findings
			}
		}
	}
}

// decode takes up one object, and returns its kind and name.
func (m *manifests) decode(document []byte) (string, error) {
	document, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return "", err
	}
	var is metav1.PartialObjectMetadata
	if err := json.UnmarshalCaseSensitivePreserveInts(document, &is); err != nil {
		return "", err
	}
	name := is.Kind + " " + is.Name
	if is.Name == "" {
		return "", fmt.Errorf("%s without metadata.name", is.Kind)
	}
	strict := func(into any) error {
		unknown, err := json.UnmarshalStrict(document, into)
		if err = errors.Join(append(unknown, err)...); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	switch is.APIVersion + " " + is.Kind {
	case "v1 Service":
		s := new(corev1.Service)
		m.services = append(m.services, s)
		return name, strict(s)
	case "policy/v1 PodDisruptionBudget":
		b := new(policyv1.PodDisruptionBudget)
		m.budgets = append(m.budgets, b)
		return name, strict(b)
	case "networking.k8s.io/v1 NetworkPolicy":
		p := new(networkingv1.NetworkPolicy)
		m.policies = append(m.policies, p)
		return name, strict(p)
	case "apps/v1 StatefulSet":
		s := new(appsv1.StatefulSet)
		err := strict(s)
		m.workloads = append(m.workloads, &workload{
			kind: is.Kind, meta: s.ObjectMeta, replicas: count(s.Spec.Replicas), selector: s.Spec.Selector, pod: s.Spec.Template,
			service: s.Spec.ServiceName, claims: s.Spec.VolumeClaimTemplates,
		})
		return name, err
	case "apps/v1 Deployment":
		d := new(appsv1.Deployment)
		err := strict(d)
		m.workloads = append(m.workloads, &workload{
			kind: is.Kind, meta: d.ObjectMeta, replicas: count(d.Spec.Replicas), selector: d.Spec.Selector, pod: d.Spec.Template,
		})
		return name, err
	}
	return name, fmt.Errorf("%s %s: no such kind is known here", is.APIVersion, is.Kind)
}

func count(replicas *int32) int {
	if replicas == nil {
		return 1
	}
	return int(*replicas)
}

// deployment returns what the pods run.
func (m *manifests) deployment() (*deployment, []string) {
	d := new(deployment)
	for _, w := range m.workloads {
		for i := range w.replicas {
			pod := fmt.Sprintf("%s-%d", w.meta.Name, i)
			if len(w.pod.Spec.Containers) != 1 || product(w.pod.Spec.Containers[0].Image) != "beckon" {
				return nil, []string{w.meta.Name + ": expected one container, of the image beckon"}
			}
			c, err := w.container(pod)
			if err != nil {
				return nil, []string{err.Error()}
			}
			d.nodes = append(d.nodes, c)
		}
	}
	d.nats = elsewhere(d.nodes)
	return d, nil
}

// container returns the one of a pod.
func (w *workload) container(pod string) (*container, error) {
	spec, its := w.pod.Spec, w.pod.Spec.Containers[0]
	if len(its.Command) > 0 {
		return nil, fmt.Errorf("%s: has a command: expected args alone, after the image's entrypoint", pod)
	}
	c := &container{name: pod, args: its.Args, grace: 30 * time.Second}
	if w.service != "" {
		name := pod + "." + w.service
		c.names = []string{name, name + ".default", name + ".default.svc", name + ".default.svc.cluster.local"}
	}
	if spec.TerminationGracePeriodSeconds != nil {
		c.grace = time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	}
	if its.Lifecycle != nil && its.Lifecycle.PreStop != nil && its.Lifecycle.PreStop.Sleep != nil {
		c.start = time.Duration(its.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	}
	if sc := spec.SecurityContext; sc != nil && sc.RunAsUser != nil && sc.RunAsGroup != nil {
		c.user = fmt.Sprintf("%d:%d", *sc.RunAsUser, *sc.RunAsGroup)
	}
	for _, v := range its.Env {
		if v.ValueFrom != nil || strings.Contains(v.Value, "$(") {
			return nil, fmt.Errorf("%s: %s: only plain values are known here", pod, v.Name)
		}
		c.env = append(c.env, v.Name+"="+v.Value)
	}
	for _, p := range its.Ports {
		if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
			c.ports = append(c.ports, int(p.ContainerPort))
		}
	}
	for _, vm := range its.VolumeMounts {
		c.mounts = append(c.mounts, w.mount(pod, vm))
	}
	for kind, p := range map[string]*corev1.Probe{"startup": its.StartupProbe, "readiness": its.ReadinessProbe, "liveness": its.LivenessProbe} {
		if p == nil || p.HTTPGet == nil {
			return nil, fmt.Errorf("%s: has no %s probe by HTTP", pod, kind)
		}
		port, ok := portNumber(its, p.HTTPGet.Port)
		if !ok {
			return nil, fmt.Errorf("%s: the %s probe asks on the port %s, which is none of the container's", pod, kind, p.HTTPGet.Port.String())
		}
		c.probes = append(c.probes, probe{kind, port, p.HTTPGet.Path})
	}
	return c, nil
}

// mount returns what a pod has somewhere. That there is such a volume was checked.
func (w *workload) mount(pod string, vm corev1.VolumeMount) mount {
	for _, v := range w.pod.Spec.Volumes {
		if v.Name == vm.Name && v.Secret != nil {
			m := mount{path: vm.MountPath}
			for _, item := range v.Secret.Items {
				m.files = append(m.files, item.Path)
			}
			return m
		}
	}
	return mount{path: vm.MountPath, volume: pod + " " + vm.Name}
}

// elsewhere returns three NATS servers, which stand for those that nodes reach by a name that is none of the file.
func elsewhere(nodes []*container) (servers []*container) {
	var names []string
	for _, c := range nodes {
		if url, ok := c.flag("nats"); ok && strings.Contains(url, "://") {
			_, address, _ := strings.Cut(url, "://")
			name, _, _ := strings.Cut(address, ":")
			names = append(names, name)
		}
	}
	for i := range min(3, len(names)) {
		c := &container{name: fmt.Sprintf("nats-%d", i), mounts: []mount{{path: "/data", volume: fmt.Sprintf("nats-%d", i)}}}
		c.args = []string{
			"--server_name=" + c.name, "--jetstream", "--store_dir=/data", "--cluster_name=nats", "--cluster=nats://0.0.0.0:6222",
			"--routes=nats://nats-0:6222,nats://nats-1:6222,nats://nats-2:6222",
		}
		if c.names = []string{c.name}; i == 0 {
			c.names = append(c.names, names...)
		}
		servers = append(servers, c)
	}
	return servers
}
