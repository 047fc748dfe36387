package main

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
)

// image is what a container is started from.
type image struct {
	binary     string // A file: the program that the Dockerfile builds.
	user       string // "UID:GID".
	entrypoint []string
}

// output is the directory that the program is built into.
const output = "/out"

// buildImage builds the program by the Dockerfile's own command, from those files of the tree at root that a builder is sent.
func buildImage(ctx context.Context, path, root, work string) (*image, []string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var findings []string
	say := func(format string, v ...any) { findings = append(findings, path+": "+fmt.Sprintf(format, v...)) }
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	stages, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{
		Warn: func(rule, _, _, detail string, at []parser.Range) {
			say("line %d: %s: %s", at[0].Start.Line, rule, detail)
		},
	}))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}

	img, built := &image{}, ""
	copied := false
	for i, stage := range stages {
		for _, command := range stage.Commands {
			switch c := command.(type) {
			case *instructions.RunCommand:
				if line := strings.Join(c.CmdLine, " "); strings.Contains(line, "go build") {
					built = line
				}
			case *instructions.CopyCommand:
				if _, ok := instructions.HasStage(stages[:i], c.From); c.From != "" && !ok {
					say("COPY --from=%s: there is no such stage before", c.From)
				}
				copied = copied || i == len(stages)-1 && c.SourcePaths[0] == output+"/beckon"
			case *instructions.UserCommand:
				img.user = c.User
			case *instructions.EntrypointCommand:
				img.entrypoint = c.CmdLine
			}
		}
	}
	if built == "" || !copied || len(img.entrypoint) != 1 {
		return nil, nil, fmt.Errorf(`%s: expected a "RUN … go build … -o %s/beckon", a COPY of that, and an ENTRYPOINT of one word`, path, output)
	}
	if uid, _, _ := strings.Cut(img.user, ":"); uid == "" || strings.Trim(uid, "0123456789") != "" || uid == "0" {
		say("USER %q: expected a number other than 0: Kubernetes cannot tell that a name is not root's", img.user)
	}

	tree := filepath.Join(work, "tree")
	if err := copyContext(ctx, root, path+".dockerignore", tree); err != nil {
		return nil, nil, fmt.Errorf("%s: what a builder is sent: %w", path, err)
	}
	img.binary = filepath.Join(work, "beckon")
	build := exec.CommandContext(ctx, "sh", "-c", strings.ReplaceAll(built, output+"/beckon", img.binary))
	build.Dir = tree
	build.Env = append(os.Environ(), "VERSION=deploylint", "TARGETOS=", "TARGETARCH=", "GOFLAGS=")
	if log, err := build.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("%s: RUN %s: %w\n%s", path, built, err, log)
	}
	if program, err := elf.Open(img.binary); err == nil { // Of another system: it says nothing.
		defer program.Close()
		for _, part := range program.Progs {
			if part.Type == elf.PT_INTERP {
				say("the program is linked dynamically, and an image from scratch has nothing to link to: expected CGO_ENABLED=0")
			}
		}
	}
	return img, findings, nil
}

// copyContext copies what of the tree at root is not ignored.
func copyContext(ctx context.Context, root, ignored, into string) error {
	file, err := os.Open(ignored)
	if err != nil {
		return err
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		return fmt.Errorf("%s: %w", ignored, err)
	}
	all, err := fsutil.NewFS(root)
	if err != nil {
		return err
	}
	some, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: patterns})
	if err != nil {
		return fmt.Errorf("%s: %w", ignored, err)
	}
	return some.Walk(ctx, "", func(path string, entry fs.DirEntry, err error) error {
		to := filepath.Join(into, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(to, 0o700)
		case !entry.Type().IsRegular():
			return nil
		}
		from, err := some.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		copied, err := os.Create(to)
		if err != nil {
			return err
		}
		_, err = io.Copy(copied, from)
		return errors.Join(err, copied.Close())
	})
}
