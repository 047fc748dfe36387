package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMistakes: a mistake in any of the files is found, and told with the word that is wrong.
func TestMistakes(t *testing.T) {
	const deploy = "../../deploy"
	image, findings, err := buildImage(t.Context(), filepath.Join(deploy, "Dockerfile"), "../..", t.TempDir())
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	both := []string{"embedded", "external"}
	composes := []string{"compose", "compose.nats"}
	for _, test := range []struct {
		in       []string // Files, without their endings.
		old, new string
		want     string
	}{
		// A field.
		{both, "livenessProbe:", "livenesProbe:", `unknown field "spec.template.spec.containers[0].livenesProbe"`},
		{both, "terminationGracePeriodSeconds: 45", `terminationGracePeriodSeconds: "45"`, "cannot unmarshal string"},
		{both, "maxUnavailable: 1", "maxUnavailble: 1", `unknown field "spec.maxUnavailble"`},
		{both, "kind: PodDisruptionBudget", "kind: PodDisruptionBudge", "no such kind"},
		{both, "cpu: 500m", "cpu: 500q", "quantities must match"},
		{composes, "stop_grace_period: 30s # Longer", "stop_grace_periods: 30s # Longer", "stop_grace_periods"},
		{composes, "cap_drop: [ALL]", "cap_drop: ALL", "cap_drop"},
		// A flag.
		{both, "--drain-timeout=20s", "--drain-timeuot=20s", "unknown flag: --drain-timeuot"},
		{composes, "--drain-timeout=20s", "--drain-timeuot=20s", "unknown flag: --drain-timeuot"},
		{both, "--log-format=json", "--log-format=jsn", `"jsn"`},
		{both, "- serve", "- server", "expected serve"},
		{both, "            - --token-key-file=/etc/beckon/token.key\n", "", "others can reach it, and anybody could end the server"},
		{[]string{"embedded"}, "            - --nats-secret-file=/etc/beckon/nats.key\n", "", "expected --nats-secret-file, too"},
		{[]string{"compose.nats"}, `"--store_dir=/data"`, `"--store_dirs=/data"`, "store_dirs"},
		// A port.
		{both, "targetPort: grpc", "targetPort: grcp", "leads to grcp"},
		{both, "containerPort: 8080", "containerPort: 8081", "nobody listens on port 8081"},
		{both, "--admin=:9090", "--admin=:9091", "nobody listens on port 9090"},
		{both, "path: /healthz, port: admin", "path: /healthz, port: admn", "admn"},
		{composes, "127.0.0.1:50052:50051", "127.0.0.1:50052:50052", "nobody listens on port 50052"},
		{[]string{"embedded"}, "- port: nats-cluster", "- port: nats", "nats is no port"},
		// A name.
		{both, "  selector:\n    matchLabels: *labels\n  template", "  selector:\n    matchLabels: { app: beckon }\n  template", "selector does not match"},
		{both, "    matchLabels:\n      app.kubernetes.io/name: beckon", "    matchLabels:\n      app.kubernetes.io/name: bekon", "PodDisruptionBudget beckon: its selector"},
		{both, "name: keys, mountPath", "name: key, mountPath", "volume key, which is not there"},
		{both, "{ key: session.key, path: session.key }", "{ key: session.key, path: sesion.key }", "has no such file"},
		{[]string{"embedded"}, "serviceName: beckon-nodes", "serviceName: beckon", "no headless Service"},
		{[]string{"embedded"}, "publishNotReadyAddresses: true", "publishNotReadyAddresses: false", "no headless Service"},
		{[]string{"embedded"}, "beckon-2.beckon-nodes", "beckon-3.beckon-nodes", "nobody is called beckon-3.beckon-nodes"},
		{[]string{"embedded"}, "name: rooms, mountPath: /var/lib/beckon", "name: rooms, mountPath: /var/lib/bekon", "nothing is mounted there"},
		{[]string{"compose"}, "--nats-peer=node-c:6222", "--nats-peer=node-d:6222", "nobody is called node-d"},
		{[]string{"compose"}, `"node-c:/var/lib/beckon"`, `"node-d:/var/lib/beckon"`, "undefined volume node-d"},
		{[]string{"compose"}, "secrets: [token.key, session.key, nats.key]", "secrets: [token.key, session.key]", "nothing is mounted there"},
		{[]string{"compose"}, "    hostname: node-b", "    hostname: node-a", "two containers are called node-a"},
		// What protects.
		{both, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "expected readOnlyRootFilesystem"},
		{both, "runAsNonRoot: true", "runAsNonRoot: false", "is not restricted"},
		{both, "runAsGroup: 65532", "runAsGroup: 65533", "the image is made for 65532:65532"},
		{both, "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 25", "is killed 25s after"},
		{composes, "stop_grace_period: 30s # Longer", "stop_grace_period: 20s # Longer", "is killed 20s after"},
		// What a probe says when NATS is not there yet, or away.
		{both, "startupProbe:\n            httpGet: { path: /healthz", "startupProbe:\n            httpGet: { path: /readyz", "NATS is not there yet"},
		{both, "livenessProbe:\n            httpGet: { path: /healthz", "livenessProbe:\n            httpGet: { path: /readyz", "the liveness probe of /readyz"},
		{both, "readinessProbe:\n            httpGet: { path: /readyz", "readinessProbe:\n            httpGet: { path: /ready", "the readiness probe of /ready"},
	} {
		for _, name := range test.in {
			t.Run(name+" "+strings.TrimSpace(test.new), func(t *testing.T) {
				path := filepath.Join(deploy, name+".yaml")
				load := func(path string) (*deployment, []string) { return loadCompose(t.Context(), path) }
				if slices.Contains(both, name) {
					path, load = filepath.Join(deploy, "kubernetes", name+".yaml"), loadKubernetes
				}
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				wrong := strings.Replace(string(text), test.old, test.new, 1)
				if wrong == string(text) {
					t.Fatalf("%s has no %q", path, test.old)
				}
				path = filepath.Join(t.TempDir(), filepath.Base(path))
				if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
					t.Fatal(err)
				}
				found := strings.Join(checkFile(t.Context(), path, load, image), "\n")
				if !strings.Contains(found, test.want) {
					t.Errorf("found %q, want %q in it", found, test.want)
				}
			})
		}
	}
}

// TestMistakesInDockerfile: so is one in the Dockerfile, or in what is sent to its builder.
func TestMistakesInDockerfile(t *testing.T) {
	for _, test := range []struct{ file, old, new, want string }{
		{"Dockerfile", "ENTRYPOINT", "ENTRYPIONT", "ENTRYPIONT"},
		{"Dockerfile", "./cmd/beckon", "./cmd/bekon", "cmd/bekon"},
		{"Dockerfile", "-o /out/beckon", "-output /out/beckon", "go build"},
		{"Dockerfile", "COPY --from=build /etc", "COPY --from=biuld /etc", "no such stage"},
		{"Dockerfile", "USER 65532:65532", "USER nobody", "expected a number"},
		{"Dockerfile.dockerignore", "!gen\n", "", "go build"},
		{"Dockerfile.dockerignore", "!go.sum\n", "", "go.sum"},
	} {
		t.Run(test.new, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"Dockerfile", "Dockerfile.dockerignore"} {
				text, err := os.ReadFile(filepath.Join("../../deploy", name))
				if err != nil {
					t.Fatal(err)
				}
				if name == test.file {
					wrong := strings.Replace(string(text), test.old, test.new, 1)
					if wrong == string(text) {
						t.Fatalf("%s has no %q", name, test.old)
					}
					text = []byte(wrong)
				}
				if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, findings, err := buildImage(t.Context(), filepath.Join(dir, "Dockerfile"), "../..", t.TempDir())
			if err != nil {
				findings = append(findings, err.Error())
			}
			if found := strings.Join(findings, "\n"); !strings.Contains(found, test.want) {
				t.Errorf("found %q, want %q in it", found, test.want)
			}
		})
	}
}
