package main

import "testing"

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"hello, wörld 👋", "hello, wörld 👋"},
		{"\x1b[2J\x1b]0;owned\a", `\x1b[2J\x1b]0;owned\a`}, // Clears the screen, sets the title.
		{"a\r\nb\tc\bd", `a\r\nb\tc\bd`},
		{"\x7f\u009b31m", `\x7f\u009b31m`}, // CSI in one character.
		{"\x9b31m", `\x9b31m`},             // And as a byte of Latin-1.
		{"\u202e\u2066gpj.exe", `\u202e\u2066gpj.exe`},
		{"one\u2028two", `one\u2028two`},
		{"\xff\xc3(", `\xff\xc3(`},
		{"\u200d👩‍🚀 é", "\u200d👩‍🚀 é"}, // Joiners are part of the writing.
		{`quote ' and " and \`, `quote ' and " and \`},
	} {
		if got := printable(tt.text); got != tt.want {
			t.Errorf("printable(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
