//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/ice"
)

// root is the root of the repository.
const root = "../.."

// TestReadme does what README.md says, as it is printed there and from its first command to its last, with real shells,
// in the root of the repository. What comes must be what README.md shows.
//
// A comment before a block of sh tells where it is run:
//
//	<!-- test: in ana -->               in ana's terminal, a bash that later blocks go on with; it must succeed
//	<!-- test: in ana and bob -->       in both
//	<!-- test: in server, goes on -->   in a terminal where it goes on until that has another block, or to the end
//	<!-- test: in bob, listed -->       with GOFLAGS=-list=. : benchmarks are compiled and listed, but not run
//
// A block of text is what the block before it prints; after a comment like <!-- test: ana prints --> it is what ana's
// terminal prints next. Of what goes on some lines may be left out. A block that ends and has no text prints nothing.
//
// Two things differ from what a reader does. The servers listen on free ports: where a block says localhost:50051, or
// nothing at all, it is given the server's address, and in what is printed the ports are put back. And what cannot be the
// same twice is not compared: see mask.
func TestReadme(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatalf("%v. On Debian or Ubuntu: apt-get install bash", err)
	}
	r := &reader{
		T:         t,
		bash:      bash,
		terminals: make(map[string]*terminal),
		addrs:     make(map[string]string),
		shown:     make(mask),
		printed:   make(mask),
	}
	blocks := readBlocks(t, "README.md")
	for i, b := range blocks {
		switch b.lang {
		case "sh":
			shown := i+1 < len(blocks) && blocks[i+1].lang == "text" && blocks[i+1].directive == ""
			r.do(b, shown)
		case "text":
			r.compare(b)
		}
	}
	r.visitURLs()
	for _, name := range slices.Sorted(maps.Keys(r.terminals)) {
		r.terminals[name].end()
	}
}

// block is a fenced block of a Markdown file.
type block struct {
	line      int    // Of its first line of text, from 1.
	directive string // What the comment before it says after "test:".
	lang      string
	text      string
}

// readBlocks returns the fenced blocks of a file of the repository.
func readBlocks(t *testing.T, name string) (blocks []block) {
	t.Helper()
	directive := ""
	var open *block
	for i, line := range strings.Split(readFile(t, name), "\n") {
		lang, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open != nil:
			blocks = append(blocks, *open)
			open = nil
		case fence:
			open = &block{line: i + 2, directive: directive, lang: lang}
			directive = ""
		case open != nil:
			open.text += line + "\n"
		default:
			comment, ok := strings.CutPrefix(line, "<!-- test: ")
			if ok {
				directive = strings.TrimSuffix(comment, " -->")
			}
		}
	}
	return blocks
}

// readFile returns a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A reader follows README.md.
type reader struct {
	*testing.T
	bash      string
	terminals map[string]*terminal
	addrs     map[string]string // Where the server of the moment listens, by port: grpc, web, admin.
	last      string            // The terminal of the last block.
	// What was shown and what was printed so far.
	shown, printed mask
}

// do runs a block of sh. What it prints is compared at once if it ends and README.md shows nothing.
func (r *reader) do(b block, shown bool) {
	r.Helper()
	where, how, _ := strings.Cut(b.directive, ", ")
	names, ok := strings.CutPrefix(where, "in ")
	if !ok {
		r.Fatalf("README.md:%d: the comment before the block does not tell where to run it", b.line)
	}
	text := r.addressed(b.text)
	for name := range strings.SplitSeq(names, " and ") {
		term := r.terminals[name]
		if term != nil && (term.goesOn || how == "goes on") {
			term.end()
			term = nil
		}
		if how == "goes on" {
			r.terminals[name] = r.open(b, text, "-euc", text)
			r.terminals[name].goesOn = true
		} else {
			if term == nil {
				term = r.open(b, "", "-eu")
				r.terminals[name] = term
			}
			if how == "listed" {
				text = "(\nexport GOFLAGS=\"${GOFLAGS-} -list=.\"\n" + text + ")\n"
			}
			term.run(b, text)
			if !shown && how != "listed" {
				r.compareWhole(b, term.printed, nil)
			}
		}
		r.last = name
	}
}

// compare compares a block of text with what was printed.
func (r *reader) compare(b block) {
	r.Helper()
	name := r.last
	if b.directive != "" {
		name = strings.TrimSuffix(b.directive, " prints")
	}
	term := r.terminals[name]
	if term == nil {
		r.Fatalf("README.md:%d: no terminal is called %q", b.line, name)
	}
	want := strings.Split(strings.TrimSuffix(b.text, "\n"), "\n")
	if !term.goesOn {
		r.compareWhole(b, term.printed, want)
		return
	}
	for i, line := range want {
		line = r.shown.hide(line)
		if i > 0 || b.directive != "" { // It has begun to print.
			term.deadline = time.Now().Add(patience)
		}
		var passed []string
		for {
			got, ok := term.next()
			if !ok {
				r.Fatalf("README.md:%d: %s does not print this line:\n%s\nbut\n%s", b.line+i, name, line, strings.Join(passed, "\n"))
			}
			printed := maps.Clone(r.printed)
			got = printed.hide(got)
			if got == line {
				r.printed = printed
				break
			}
			passed = append(passed, got)
		}
	}
}

// compareWhole compares all that a block prints.
func (r *reader) compareWhole(b block, got, want []string) {
	r.Helper()
	hidden := func(m mask, lines []string) (all []string) {
		for _, line := range lines {
			all = append(all, m.hide(line))
		}
		return all
	}
	if diff := cmp.Diff(hidden(r.shown, want), hidden(r.printed, got)); diff != "" {
		r.Fatalf("README.md:%d: what is shown (-) is not what is printed (+):\n%s\nIt is printed:\n%s", b.line, diff, strings.Join(got, "\n"))
	}
}

// defaults are the addresses that README.md has, by port.
var defaults = map[string]string{
	"grpc":  server.Defaults().GRPCAddr,
	"web":   server.Defaults().WebAddr,
	"admin": server.Defaults().AdminAddr,
}

// addressed puts the addresses of the server of the moment in the place of the defaults.
func (r *reader) addressed(text string) string {
	for port, addr := range r.addrs {
		text = strings.ReplaceAll(text, defaults[port], addr)
	}
	return text
}

var listening = regexp.MustCompile(`msg=listening port=(\w+) addr=(\S+)`)

// seen notes where the server listens, and puts the default ports in the place of those.
func (r *reader) seen(line string) string {
	if m := listening.FindStringSubmatch(line); m != nil {
		r.addrs[m[1]] = m[2]
	}
	for port, addr := range r.addrs {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			r.Fatal(err)
		}
		_, usual, err := net.SplitHostPort(defaults[port])
		if err != nil {
			r.Fatal(err)
		}
		line = strings.ReplaceAll(line, addr, net.JoinHostPort(host, usual))
	}
	return line
}

// environment is what tells beckon the addresses that a block does not name.
func (r *reader) environment() []string {
	return []string{"BECKON_GRPC=localhost:0", "BECKON_WEB=localhost:0", "BECKON_ADMIN=localhost:0", "BECKON_SERVER=" + r.addrs["grpc"]}
}

// visitURLs fetches the pages of the server that README.md names.
func (r *reader) visitURLs() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	for _, url := range regexp.MustCompile(`http://(localhost|127\.0\.0\.1):[\w/]+`).FindAllString(readFile(r.T, "README.md"), -1) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.addressed(url), nil)
		if err != nil {
			r.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			r.Errorf("%s: %v", url, err)
			continue
		}
		if response.StatusCode != http.StatusOK {
			r.Errorf("%s: %s", url, response.Status)
		}
		_ = response.Body.Close()
	}
}

// A mask gives each id and each epoch a number in the order in which they come: what is shown and what is printed are the
// same if their numbers are. What else differs each time it takes away.
type mask map[string]string

var (
	volatile = []*regexp.Regexp{
		regexp.MustCompile(`time=\S+`),
		regexp.MustCompile(`version=\S+`),
		regexp.MustCompile(`remote=\S+`),
		regexp.MustCompile(`seq=\d+`),
		regexp.MustCompile(`"(seq|server_?[vV]ersion|resume_?[tT]oken)": ?"[^"]*"`),
	}
	identity = regexp.MustCompile(`\b([a-z2-7]{16}|[A-Z2-7]{26})\b`)
)

func (m mask) hide(line string) string {
	for _, v := range volatile {
		line = v.ReplaceAllStringFunc(line, func(s string) string { return s[:strings.IndexAny(s, "=:")+1] + "…" })
	}
	return identity.ReplaceAllStringFunc(line, func(id string) string {
		if m[id] == "" {
			m[id] = fmt.Sprintf("(id %d)", len(m)+1)
		}
		return m[id]
	})
}

// buildPatience is how long a command may take that has to build a program from nothing.
const buildPatience = 5 * time.Minute

// A terminal is a bash in a process group of its own.
type terminal struct {
	*reader
	process  *exec.Cmd
	keyboard io.WriteCloser
	output   *output
	ended    bool

	goesOn   bool      // It does one block until it is ended.
	block    block     // What it does.
	deadline time.Time // For what the block is to print next.
	printed  []string  // If it does not go on: what the block printed.
}

// open starts a bash.
func (r *reader) open(b block, text string, args ...string) *terminal {
	r.Helper()
	process := exec.CommandContext(r.Context(), r.bash, args...)
	process.Dir = root
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "BECKON_") {
			process.Env = append(process.Env, variable)
		}
	}
	process.Env = append(process.Env, "TMPDIR="+r.TempDir())
	process.Env = append(process.Env, r.environment()...)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.Cancel = func() error { return syscall.Kill(-process.Process.Pid, syscall.SIGKILL) }
	process.WaitDelay = time.Second
	keyboard, err := process.StdinPipe()
	if err != nil {
		r.Fatal(err)
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		r.Fatal(err)
	}
	process.Stdout, process.Stderr = writing, writing
	err = process.Start()
	_ = writing.Close() // The process has it.
	if err != nil {
		r.Fatal(err)
	}
	term := &terminal{reader: r, process: process, keyboard: keyboard, output: newOutput(r.T, reading)}
	term.begin(b, text)
	r.Cleanup(func() {
		if !term.ended {
			_ = process.Cancel()
			_ = process.Wait() // Killed.
		}
		_ = reading.Close()
	})
	return term
}

// begin notes what the terminal does now.
func (term *terminal) begin(b block, text string) {
	term.block, term.printed = b, nil
	if strings.Contains(text, "go run") || strings.Contains(text, "go build") || strings.Contains(text, "go test") {
		term.deadline = time.Now().Add(buildPatience)
	} else {
		term.deadline = time.Now().Add(patience)
	}
}

// endOfBlock is what the bash prints after a block.
const endOfBlock = "the block of README.md has ended"

// run does a block to its end.
func (term *terminal) run(b block, text string) {
	term.Helper()
	term.begin(b, text)
	script := fmt.Sprintf("export %s\n{\n%s} </dev/null\necho %s\n", strings.Join(term.environment(), " "), text, endOfBlock)
	if _, err := io.WriteString(term.keyboard, script); err != nil {
		term.Fatalf("README.md:%d: %v", b.line, err)
	}
	for {
		line, ok := term.next()
		if !ok {
			term.Fatalf("README.md:%d: the block fails, or does not end in time; it prints\n%s", b.line, strings.Join(term.printed, "\n"))
		}
		if line == endOfBlock {
			return
		}
		term.printed = append(term.printed, line)
	}
}

// next returns the next line of output, false if there is none to come before the deadline.
func (term *terminal) next() (string, bool) {
	timeout := time.NewTimer(time.Until(term.deadline))
	defer timeout.Stop()
	for {
		select {
		case line, ok := <-term.output.lines:
			if strings.HasPrefix(line, "go: downloading ") {
				continue
			}
			return term.seen(line), ok
		case <-timeout.C:
			return "", false
		}
	}
}

// end does what Ctrl-C does, or closing the terminal's window. A server must end in order.
func (term *terminal) end() {
	term.Helper()
	term.ended = true
	_ = term.keyboard.Close()
	if term.goesOn {
		_ = syscall.Kill(-term.process.Process.Pid, syscall.SIGINT)
	}
	term.deadline = time.Now().Add(patience)
	for serves := strings.Contains(term.block.text, " serve"); serves; {
		line, ok := term.next()
		if !ok {
			term.Errorf("README.md:%d: the server does not say that it has shut down", term.block.line)
		}
		serves = ok && !strings.Contains(line, `msg="shut down"`)
	}
	waited := make(chan error, 1)
	go func() { waited <- term.process.Wait() }()
	select {
	case err := <-waited:
		if err != nil && !term.goesOn { // After Ctrl-C, go run fails in any case.
			term.Errorf("README.md:%d: after its end: %v", term.block.line, err)
		}
	case <-time.After(patience):
		term.Errorf("README.md:%d: it does not end", term.block.line)
		_ = term.process.Cancel()
		<-waited
	}
}

// TestReadmePrograms: the programs of README.md are those that the clients' own documents have.
func TestReadmePrograms(t *testing.T) {
	var doc strings.Builder
	for line := range strings.SplitSeq(readFile(t, "clients/go/doc.go"), "\n") {
		doc.WriteString(strings.TrimPrefix(line, "//\t") + "\n")
	}
	programs := map[string]string{"go": doc.String(), "ts": readFile(t, "clients/web/README.md")}
	for _, b := range readBlocks(t, "README.md") {
		program, ok := programs[b.lang]
		if ok && !strings.Contains(program, b.text) {
			t.Errorf("README.md:%d: the client's own document has this %s differently", b.line, b.lang)
		}
		delete(programs, b.lang)
	}
	for lang := range programs {
		t.Errorf("README.md has no %s", lang)
	}
}

// TestReadmeConfiguration: the configuration files of README.md are some, if the files that they name are there; so is the
// file of ICE servers.
func TestReadmeConfiguration(t *testing.T) {
	named := regexp.MustCompile(`(?m)(-file:) .*`)
	there := writeFile(t, "")
	n := 0
	for _, b := range readBlocks(t, "README.md") {
		switch {
		case b.lang != "yaml":
		case strings.HasPrefix(b.text, "# ice-servers.yaml\n"):
			if _, err := ice.ParseServers([]byte(b.text)); err != nil {
				t.Errorf("README.md:%d: %v", b.line, err)
			}
		default:
			n++
			if err := fromFile(newServe().Flags(), writeFile(t, named.ReplaceAllString(b.text, "$1 "+there))); err != nil {
				t.Errorf("README.md:%d: %v", b.line, err)
			}
		}
	}
	if n == 0 {
		t.Error("README.md has no configuration file")
	}
}

// TestReadmeLimits: the limits of README.md are all that there are, with their defaults.
func TestReadmeLimits(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `--(max-[a-z-]+)` \\| (\\w+) \\|")
	shown := make(map[string]string)
	for _, m := range row.FindAllStringSubmatch(readFile(t, "README.md"), -1) {
		shown[m[1]] = m[2]
	}
	limits := make(map[string]string)
	newServe().Flags().VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, "max-") {
			limits[f.Name] = f.DefValue
		}
	})
	if diff := cmp.Diff(limits, shown); diff != "" {
		t.Errorf("the flags (-) are not what README.md shows (+):\n%s", diff)
	}
}

// TestDocumentsName: the files, the tests and the flags that README.md, SECURITY.md and docs name are there.
func TestDocumentsName(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("docs has no documents: %v", err)
	}
	names := []string{"README.md", "SECURITY.md"}
	for _, path := range documents {
		names = append(names, "docs/"+filepath.Base(path))
	}
	flags := map[string]bool{"--help": true}
	for _, command := range newRoot().Commands() {
		command.Flags().VisitAll(func(f *pflag.Flag) { flags["--"+f.Name] = true })
	}
	makefile := readFile(t, "Makefile")
	link := regexp.MustCompile(`\[([^]]*)\]\(([^)#]+)[^)]*\)`)
	code := regexp.MustCompile("`([^`\n]+)`")
	function := regexp.MustCompile("^`((Test|Fuzz|Benchmark|Example)\\w*)`$")
	flag := regexp.MustCompile(`(^|[^-\w])(--[a-z][a-z-]*)`)
	for _, name := range names {
		for i, line := range strings.Split(readFile(t, name), "\n") {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				path := filepath.Join(root, filepath.Dir(name), m[2])
				if strings.Contains(m[2], "://") {
					continue
				}
				if _, err := os.Stat(path); err != nil {
					t.Errorf("%s:%d: %v", name, i+1, err)
				} else if f := function.FindStringSubmatch(m[1]); f != nil && !hasFunction(t, path, f[1]) {
					t.Errorf("%s:%d: %s has no %s", name, i+1, m[2], f[1])
				}
			}
			for _, m := range code.FindAllStringSubmatch(line, -1) {
				if target, ok := strings.CutPrefix(m[1], "make "); ok && !strings.Contains(makefile, "\n"+target+":") {
					t.Errorf("%s:%d: make has no target %s", name, i+1, target)
				}
				if path := m[1]; isPath(path) {
					if found, err := filepath.Glob(filepath.Join(root, path)); err != nil || len(found) == 0 {
						t.Errorf("%s:%d: there is no %s", name, i+1, path)
					}
				}
			}
			for _, m := range flag.FindAllStringSubmatch(line, -1) {
				if !flags[m[2]] && !strings.HasPrefix(line, "<!--") {
					t.Errorf("%s:%d: there is no flag %s", name, i+1, m[2])
				}
			}
		}
	}
}

// isPath tells whether a piece of code in a text is meant to be a file of the repository.
func isPath(text string) bool {
	first, _, below := strings.Cut(text, "/")
	if !below || first == "" || strings.ContainsAny(text, " {}$") {
		return false
	}
	_, err := os.Stat(filepath.Join(root, first))
	return err == nil || filepath.Ext(text) == ".go"
}

// hasFunction tells whether a file, or a file of a directory, has a function of that name.
func hasFunction(t *testing.T, path, name string) bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text, []byte("func "+name+"("))
}
