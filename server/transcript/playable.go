package transcript

import (
	"fmt"
	"maps"
	"slices"
)

// playable returns the first line that cannot be played, or that nothing orders after what another participant did.
// Errors begin with the number of the line.
func playable(lines []line, texts variables) error {
	c := checker{stages: map[string]stage{}, values: map[string]bool{}, unused: map[string]bool{}}
	for name := range texts {
		c.values[name], c.unused[name] = true, true
	}
	for _, l := range lines {
		if err := c.check(l); err != nil {
			return fmt.Errorf("%d: %s\n%w", l.number, l.text, err)
		}
	}
	last := lines[len(lines)-1].number
	for _, name := range slices.Sorted(maps.Keys(c.stages)) {
		if c.stages[name] == halfClosed {
			return fmt.Errorf("%d: %s is half-closed and sees no end", last, name)
		}
	}
	if unused := slices.Sorted(maps.Keys(c.unused)); len(unused) > 0 {
		return fmt.Errorf("%d: nothing uses the sections %v", last, unused)
	}
	return nil
}

// A checker goes over the lines of a transcript before they are played.
type checker struct {
	stages map[string]stage // By the name of the participant.
	values map[string]bool  // The variables that have a value by now.
	unused map[string]bool  // The sections that no line has mentioned.
	sender string           // Whose sending nothing has shown an effect of; empty if something has.
}

// A stage is how far a participant's stream has come.
type stage int

const (
	unopened stage = iota
	opened
	halfClosed
	gone
)

// check checks the next line.
func (c *checker) check(l line) error {
	now := c.stages[l.who]
	if now == gone {
		return fmt.Errorf("the stream of %s is gone; who comes back has another name", l.who)
	}
	switch action := l.action.(type) {
	case see:
		c.sender = ""
		if err := c.checkValues(mentioned(action.room)); err != nil {
			return err
		}
		return c.checkSight(now, l.who, mentioned(action.want()))
	case seeEnd:
		c.sender = ""
		c.stages[l.who] = gone
		return c.checkSight(now, l.who, nil)
	}

	if now == halfClosed {
		return fmt.Errorf("%s is half-closed and sends no more", l.who)
	}
	if c.sender != "" && c.sender != l.who {
		return fmt.Errorf("nothing shows that what %s sent was dealt with before", c.sender)
	}
	c.sender, c.stages[l.who] = l.who, opened
	switch action := l.action.(type) {
	case send:
		return c.checkValues(mentioned(map[string]any(action)))
	case halfClose:
		c.stages[l.who] = halfClosed
	case cancel:
		if now == unopened {
			return fmt.Errorf("%s has no stream to lose", l.who)
		}
		c.sender, c.stages[l.who] = "", gone // The loss may show in nothing.
	}
	return nil
}

// checkSight checks a line that sees something and mentions variables.
func (c *checker) checkSight(now stage, who string, variables []string) error {
	if now == unopened {
		return fmt.Errorf("%s has sent nothing, so it has no stream to see anything on", who)
	}
	for _, name := range variables {
		delete(c.unused, name)
		c.values[name] = true
	}
	return nil
}

// checkValues checks that variables have a value.
func (c *checker) checkValues(variables []string) error {
	for _, name := range variables {
		delete(c.unused, name)
		if !c.values[name] {
			return fmt.Errorf("$%s has no value yet", name)
		}
	}
	return nil
}
