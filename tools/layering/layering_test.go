// Package layering is a test of who may import whom. In this module imports point one way:
//
//	cmd → server → server/hub → server/auth, server/wire, server/roomlog → gen
//
// so that each layer can be read, tested and replaced without those above it. The two tables below are the rules. They
// are about what is shipped: a _test.go file may import what it likes.
package layering

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/beckonrtc/beckon"

// A layer says which packages of this module a package may import. Paths are relative to the module; "gen/..." stands
// for gen and everything below it, "..." for everything.
type layer struct {
	of      string
	may     []string
	because string
}

// The first row that matches a package counts. A package that matches none is refused: everything has its place.
var layers = []layer{
	{"gen/...", nil,
		"generated code is what everything else stands on"},
	{"server/wire/...", []string{"gen/...", "server/wire/..."},
		"it reads and writes bytes and knows nothing of who sends them"},
	{"server/histogram", nil,
		"it counts, and does not know what"},
	{"server/roomlog/natslog", []string{"gen/...", "server/roomlog", "server/roomlog/memlog", "server/starting", "server/histogram"},
		"a log that nodes share keeps each node's part of it in a memlog, and does not know its users"},
	{"server/roomlog/...", []string{"gen/...", "server/roomlog"},
		"a log knows the interface it implements, not the other logs and not its users"},
	{"server/auth/...", []string{"server/auth/..."},
		"who may do what is decided without knowing what for"},
	{"server/ice/...", []string{"gen/...", "server/ice/..."},
		"what helps peers to reach each other knows nothing of how they met"},
	{"server/hub/...", []string{"gen/...", "server/auth", "server/wire/...", "server/roomlog", "server/histogram", "server/hub/..."},
		"sessions and rooms are pure state over a log, whichever log that is"},
	{"server/...", []string{"gen/...", "server/..."},
		"the server knows neither its clients nor the command that starts it"},
	{"clients/go/...", []string{"gen/...", "clients/go/..."},
		"a client knows the contract, and whoever imports it must not get a server with it"},
	{"clients/web/test/...", []string{"gen/...", "clients/go/..."},
		"a native peer for the browsers' tests is a program like any other that uses the Go client"},
	{"tools/...", []string{"gen/...", "server/...", "clients/go/...", "tools/..."},
		"commands are run, not imported"},
	{"cmd/...", []string{"..."},
		"commands put everything together"},
}

// A ban says what must not be used in a part of the module: import paths, or functions as "os.Getenv".
type ban struct {
	what    []string
	in      []string
	except  []string
	because string
}

var bans = []ban{
	{
		what:    []string{"google.golang.org/grpc/..."},
		in:      []string{"server/hub/...", "server/wire/...", "server/roomlog/..."},
		because: "sessions, rooms and their logs know no gRPC; package server is where the two meet",
	},
	{
		what: []string{
			"flag", "github.com/spf13/...",
			"os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv", "syscall.Getenv", "syscall.Environ",
		},
		in:      []string{"..."},
		except:  []string{"cmd/...", "tools/...", "clients/web/test/..."},
		because: "only commands read flags and the environment; what is below them is given a Config",
	},
}

// file is what the rules look at in a source file.
type file struct {
	path    string   // relative to the module
	imports []string // import paths
	calls   []string // functions of the standard library that a ban could name: "os.Getenv"
}

// violations returns one line for each time f breaks a rule.
func violations(f file) []string {
	pkg := path.Dir(f.path)
	i := slices.IndexFunc(layers, func(l layer) bool { return matches(l.of, pkg) })
	if i < 0 {
		return []string{fmt.Sprintf("%s: package %s has no row in the table of layers: add one", f.path, pkg)}
	}
	rule := layers[i]

	var lines []string
	for _, imported := range f.imports {
		target, internal := strings.CutPrefix(imported, module+"/")
		if internal && !matchesAny(rule.may, target) {
			may := "nothing"
			if len(rule.may) > 0 {
				may = strings.Join(rule.may, ", ")
			}
			lines = append(lines, fmt.Sprintf("%s imports %s, but of this module %s may import %s: %s",
				f.path, target, rule.of, may, rule.because))
		}
	}
	for _, b := range bans {
		if !matchesAny(b.in, pkg) || matchesAny(b.except, pkg) {
			continue
		}
		for _, used := range slices.Concat(f.imports, f.calls) {
			if matchesAny(b.what, used) {
				lines = append(lines, fmt.Sprintf("%s uses %s: %s", f.path, used, b.because))
			}
		}
	}
	return lines
}

func matches(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == below || strings.HasPrefix(path, below+"/")
	}
	return path == pattern
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, path) })
}

// TestLayering reads every source file, whichever system it is built for: `go list` would pass over some.
func TestLayering(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && !inModule(name):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := read(root, name)
		if err != nil {
			return err
		}
		files++
		for _, line := range violations(f) {
			t.Error(line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatalf("no source files below %s: this test looks in the wrong place", root)
	}
}

// inModule tells whether the packages in dir belong to this module, as the go command sees it.
func inModule(dir string) bool {
	base := filepath.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err != nil // a go.mod here starts another module
}

func read(root, name string) (file, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	relative, err := filepath.Rel(root, name)
	if err != nil {
		return file{}, err
	}
	f := file{path: filepath.ToSlash(relative)}

	system := map[string]string{} // the name that os or syscall has in this file
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		f.imports = append(f.imports, imported)
		if imported == "os" || imported == "syscall" {
			local := imported
			if spec.Name != nil {
				local = spec.Name.Name
			}
			system[local] = imported
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := selector.X.(*ast.Ident); ok && system[pkg.Name] != "" {
				f.calls = append(f.calls, system[pkg.Name]+"."+selector.Sel.Name)
			}
		}
		return true
	})
	return f, nil
}

// TestRules shows that the rules refuse what they are there to refuse.
func TestRules(t *testing.T) {
	const gen = module + "/gen/beckon/v1"
	for _, tt := range []struct {
		file file
		want []string // a part of each line; none: allowed
	}{
		{file{path: "gen/beckon/v1/a.go", imports: []string{"google.golang.org/grpc"}}, nil},
		{file{path: "gen/beckon/v1/a.go", imports: []string{module + "/server/wire"}},
			[]string{"gen/beckon/v1/a.go imports server/wire, but of this module gen/... may import nothing"}},

		{file{path: "server/wire/a.go", imports: []string{gen, "fmt"}}, nil},
		{file{path: "server/wire/a.go", imports: []string{module + "/server/hub"}}, []string{"imports server/hub"}},
		{file{path: "server/wire/a.go", imports: []string{"google.golang.org/grpc/mem"}}, []string{"know no gRPC"}},
		{file{path: "server/wire/a.go", imports: []string{"google.golang.org/grpclog"}}, nil}, // a name like it, no more

		{file{path: "server/roomlog/natslog/a.go", imports: []string{gen, module + "/server/roomlog"}}, nil},
		{file{path: "server/roomlog/natslog/a.go", imports: []string{module + "/server/roomlog/memlog"}}, nil},
		{file{path: "server/roomlog/memlog/a.go", imports: []string{module + "/server/roomlog/natslog"}},
			[]string{"not the other logs"}},
		{file{path: "server/roomlog/a.go", imports: []string{module + "/server/hub"}}, []string{"imports server/hub"}},

		{file{path: "server/hub/a.go", imports: []string{gen, module + "/server/wire", module + "/server/roomlog"}}, nil},
		{file{path: "server/hub/a.go", imports: []string{module + "/server/roomlog/memlog"}}, []string{"whichever log"}},
		{file{path: "server/hub/a.go", imports: []string{module + "/server", "google.golang.org/grpc/status", "flag"}},
			[]string{"imports server,", "know no gRPC", "uses flag"}},

		{file{path: "server/web/a.go", imports: []string{gen, module + "/server/hub", "google.golang.org/grpc"}}, nil},
		{file{path: "server/a.go", imports: []string{module + "/cmd/beckon"}}, []string{"imports cmd/beckon"}},
		{file{path: "server/a.go", imports: []string{module + "/clients/go"}}, []string{"imports clients/go"}},
		{file{path: "server/a.go", imports: []string{"github.com/spf13/pflag"}}, []string{"github.com/spf13/pflag"}},
		{file{path: "server/a.go", calls: []string{"os.Open", "os.Getenv"}}, []string{"uses os.Getenv"}},

		{file{path: "clients/go/a.go", imports: []string{gen, "google.golang.org/grpc"}}, nil},
		{file{path: "clients/go/a.go", imports: []string{module + "/server/wire"}}, []string{"must not get a server"}},

		{file{path: "tools/docs/a.go", imports: []string{module + "/server", "flag"}}, nil},
		{file{path: "tools/docs/a.go", imports: []string{module + "/cmd/beckon"}}, []string{"run, not imported"}},
		{file{path: "cmd/beckon/a.go", imports: []string{module + "/server", "flag"}, calls: []string{"os.Getenv"}}, nil},

		{file{path: "utils/a.go"}, []string{"package utils has no row"}},
		{file{path: "a.go"}, []string{"package . has no row"}},
	} {
		t.Run(tt.file.path, func(t *testing.T) {
			got := violations(tt.file)
			if len(got) != len(tt.want) {
				t.Fatalf("violations(%+v) = %q, want %d", tt.file, got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("violations(%+v)[%d] = %q, want it to say %q", tt.file, i, got[i], want)
				}
			}
		})
	}
}

// TestRead shows that reading the environment is seen, under whatever name os goes.
func TestRead(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, "a.go")
	source := "package a\nimport (\n\tsystem \"os\"\n\t\"fmt\"\n)\nvar _ = fmt.Sprint(system.Getenv(\"HOME\"))\n"
	if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := read(root, name)
	if err != nil {
		t.Fatal(err)
	}
	want := file{path: "a.go", imports: []string{"os", "fmt"}, calls: []string{"os.Getenv"}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("read(%q) = %+v, want %+v", source, f, want)
	}
}
