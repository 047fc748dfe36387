package ice

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// ParseServers reads the content of a file of servers with credentials that do not change, or with none. It is a list in
// YAML, of which JSON is a part, with the names of RTCIceServer of W3C WebRTC 1.0, as who runs such servers hands them out:
//
//	[{urls: [turn:turn.example.org, turns:turn.example.org], username: beckon, credential: "…"}]
//
// There may be a single URL instead of a list. An error tells the line, and never shows a credential.
func ParseServers(file []byte) ([]Server, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(file, &document); err != nil {
		// The library's own words may quote the file.
		const expected = "this is not YAML: expected text with characters such as *, # or : in quotation marks"
		if bad, ok := errors.AsType[*yaml.LoadError](err); ok && bad.Mark.Line > 0 {
			return nil, fmt.Errorf("line %d: %s", bad.Mark.Line, expected)
		}
		return nil, errors.New(expected)
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.SequenceNode || len(document.Content[0].Content) == 0 {
		return nil, errors.New(`expected a list of servers, each like "- urls: turn:turn.example.org" with username and credential on lines of their own`)
	}
	var servers []Server
	for _, entry := range document.Content[0].Content {
		s, err := parseServer(entry)
		if err != nil {
			return nil, err
		}
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", entry.Line, err)
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// parseServer reads an entry of the list.
func parseServer(entry *yaml.Node) (s Server, err error) {
	if entry.Kind != yaml.MappingNode {
		return s, fmt.Errorf("line %d: expected a server: urls, username and credential", entry.Line)
	}
	seen := make(map[string]bool)
	for i := 0; i < len(entry.Content); i += 2 {
		key, value := entry.Content[i], entry.Content[i+1]
		if seen[key.Value] {
			return s, fmt.Errorf("line %d: %q is there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		switch key.Value {
		case "urls":
			s.URLs, err = texts(value)
		case "username":
			s.Username, err = text(value)
		case "credential":
			var credential string
			credential, err = text(value)
			s.Credential = Secret(credential)
		default:
			err = errors.New("expected urls, username or credential")
		}
		if err != nil {
			return s, fmt.Errorf("line %d: %q: %w", key.Line, key.Value, err)
		}
	}
	return s, nil
}

// texts returns the texts of a list, or a single one.
func texts(node *yaml.Node) (all []string, err error) {
	nodes := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		nodes = node.Content
	}
	for _, n := range nodes {
		one, err := text(n)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// text returns what is written, though it may look like a number.
func text(node *yaml.Node) (string, error) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() == "!!null" {
		return "", errors.New("expected a text")
	}
	return node.Value, nil
}
