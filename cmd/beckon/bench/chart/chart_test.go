package chart

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSave(t *testing.T) {
	c := Chart{
		Title: "Apples", X: "trees", Y: "kg", LogX: true, LogY: true,
		Lines: []Line{
			{Name: "red ones", Points: []Point{{1, 10}, {10, 80}, {100, 900}}},
			{Name: "none", Points: []Point{{0, 0}}}, // Has no place on such axes.
		},
	}
	dir := t.TempDir()
	svg, png := filepath.Join(dir, "apples.svg"), filepath.Join(dir, "apples.png")
	for _, path := range []string{svg, png} {
		if err := c.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Apples", "trees", "kg", "red ones", "<svg"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the SVG has no %q", want)
		}
	}
	if strings.Contains(string(text), "none<") {
		t.Error("the SVG tells of a line that has no points")
	}
	image, err := os.ReadFile(png)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(image, []byte("\x89PNG")) {
		t.Errorf("the PNG begins with %q", image[:4])
	}

	for path, bad := range map[string]Chart{
		filepath.Join(dir, "empty.svg"):  {},
		filepath.Join(dir, "apples.doc"): c,
	} {
		if err := bad.Save(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the file", path, err)
		}
	}
}
