package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	admission "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// check returns where objects do not fit together.
func (m *manifests) check() (findings []string) {
	say := func(format string, v ...any) { findings = append(findings, fmt.Sprintf(format, v...)) }
	for _, s := range m.services {
		selected := m.selectedBy(labels.SelectorFromSet(s.Spec.Selector))
		if len(s.Spec.Selector) == 0 || len(selected) == 0 {
			say("Service %s: its selector matches no pod", s.Name)
		}
		for _, p := range s.Spec.Ports {
			target := p.TargetPort
			if target == (intstr.IntOrString{}) {
				target = intstr.FromInt32(p.Port)
			}
			for _, w := range selected {
				if _, ok := portNumber(w.pod.Spec.Containers[0], target); !ok {
					say("Service %s: port %s leads to %s, which is no port of %s", s.Name, p.Name, target.String(), w.meta.Name)
				}
			}
		}
	}
	for _, b := range m.budgets {
		if len(m.selectedByLabels(b.Spec.Selector)) == 0 {
			say("PodDisruptionBudget %s: its selector matches no pod", b.Name)
		}
	}
	for _, p := range m.policies {
		selected := m.selectedByLabels(&p.Spec.PodSelector)
		if len(selected) == 0 {
			say("NetworkPolicy %s: its selector matches no pod", p.Name)
		}
		for _, rule := range p.Spec.Ingress {
			for _, port := range rule.Ports {
				for _, w := range selected {
					if _, ok := portNumber(w.pod.Spec.Containers[0], *port.Port); !ok {
						say("NetworkPolicy %s: %s is no port of %s", p.Name, port.Port.String(), w.meta.Name)
					}
				}
			}
			for _, peer := range rule.From {
				if peer.PodSelector != nil && len(m.selectedByLabels(peer.PodSelector)) == 0 {
					say("NetworkPolicy %s: a selector in from matches no pod", p.Name)
				}
			}
		}
	}
	for _, w := range m.workloads {
		for _, text := range w.check(m) {
			say("%s %s: %s", w.kind, w.meta.Name, text)
		}
	}
	return findings
}

// check returns what is wrong with a workload.
func (w *workload) check(m *manifests) (findings []string) {
	say := func(format string, v ...any) { findings = append(findings, fmt.Sprintf(format, v...)) }
	itself := func(selector *metav1.LabelSelector) bool {
		s, err := metav1.LabelSelectorAsSelector(selector)
		return err == nil && !s.Empty() && s.Matches(labels.Set(w.pod.Labels))
	}
	if !itself(w.selector) {
		say("selector does not match the labels of template")
	}
	for _, c := range w.pod.Spec.TopologySpreadConstraints {
		if !itself(c.LabelSelector) {
			say("topologySpreadConstraints: labelSelector does not match the labels of template")
		}
	}
	if a := w.pod.Spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		for _, term := range a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			if !itself(term.LabelSelector) {
				say("podAntiAffinity: labelSelector does not match the labels of template")
			}
		}
	}
	if w.kind == "StatefulSet" {
		if s := m.service(w.service); s == nil || s.Spec.ClusterIP != corev1.ClusterIPNone || !s.Spec.PublishNotReadyAddresses {
			say("serviceName: %q is no headless Service with publishNotReadyAddresses", w.service)
		}
	}
	unused := map[string]bool{}
	for _, v := range w.pod.Spec.Volumes {
		unused[v.Name] = true
	}
	for _, claim := range w.claims {
		unused[claim.Name] = true
	}
	for _, c := range w.pod.Spec.Containers {
		ports := map[string]bool{}
		for _, p := range c.Ports {
			if p.Name == "" || ports[p.Name] {
				say("container %s: port %d: expected a name of its own", c.Name, p.ContainerPort)
			}
			ports[p.Name] = true
		}
		for _, vm := range c.VolumeMounts {
			if _, ok := unused[vm.Name]; !ok {
				say("container %s: mounts the volume %s, which is not there", c.Name, vm.Name)
			}
			unused[vm.Name] = false
		}
		if sc := c.SecurityContext; sc == nil || sc.ReadOnlyRootFilesystem == nil || !*sc.ReadOnlyRootFilesystem {
			say("container %s: expected readOnlyRootFilesystem", c.Name)
		}
		if c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
			say("container %s: expected requests of cpu and memory, and a limit of memory", c.Name)
		}
	}
	for name, is := range unused {
		if is {
			say("the volume %s is mounted nowhere", name)
		}
	}
	return append(findings, w.checkSecurity()...)
}

// checkSecurity returns why the Pod Security Standard "restricted" would refuse the pods.
func (w *workload) checkSecurity() (findings []string) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	restricted := admission.LevelVersion{Level: admission.LevelRestricted, Version: admission.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &w.pod.ObjectMeta, &w.pod.Spec))
	if !result.Allowed {
		findings = append(findings, "is not restricted as Pod Security has it: "+result.ForbiddenDetail())
	}
	return findings
}

// selectedByLabels returns the workloads whose pods a selector matches.
func (m *manifests) selectedByLabels(selector *metav1.LabelSelector) []*workload {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil
	}
	return m.selectedBy(s)
}

func (m *manifests) selectedBy(selector labels.Selector) (selected []*workload) {
	for _, w := range m.workloads {
		if selector.Matches(labels.Set(w.pod.Labels)) && len(w.pod.Spec.Containers) > 0 {
			selected = append(selected, w)
		}
	}
	return selected
}

// service returns the Service of that name, nil if there is none.
func (m *manifests) service(name string) *corev1.Service {
	for _, s := range m.services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// portNumber returns the port of a container that has that name or number.
func portNumber(c corev1.Container, port intstr.IntOrString) (int, bool) {
	for _, p := range c.Ports {
		if port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal {
			return int(p.ContainerPort), true
		}
	}
	return 0, false
}
