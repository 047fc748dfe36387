package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"

	beckon "github.com/beckonrtc/beckon/clients/go"
)

// textPlain is the type of what is typed.
const textPlain = "text/plain"

const help = `* A line that is typed goes to everybody in the room. Lines with a slash are commands:
*   /to WHO TEXT  say it to one user alone: a name ("in quotes" if it has spaces) or an id
*   /who          who is in the room
*   /name NEW     change the name that others see
*   /quit         leave
*   //TEXT        say something that begins with a slash`

// joinLive shows the room on out and says the lines of in, until in, ctx or the session ends.
func joinLive(
	ctx context.Context, conn grpc.ClientConnInterface, join *beckon.Join, in io.Reader, out io.Writer, opts ...beckon.Option,
) error {
	session, err := beckon.Connect(ctx, conn, opts...)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := session.Join(ctx, join); err != nil {
		return err
	}
	console, err := openConsole(in, out)
	if err != nil {
		return err
	}
	defer console.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := &visit{
		session: session,
		console: console,
		room:    join.Room,
		listed:  make(chan struct{}),
		lost:    make(chan struct{}, 1),
		view:    newView(join.Room, session.ID()),
	}
	go func() {
		if err := v.listen(ctx); err != nil {
			cancel(err)
		}
		session.Close()
	}()
	return v.show(ctx)
}

// A visit is a person's time in a room: show tells what others do, listen does what the person says.
type visit struct {
	// Immutable.
	session *beckon.Session
	console *console
	room    string
	listed  chan struct{} // Closed when the view has its first list.
	lost    chan struct{} // Of size 1, never closed: the connection may have been lost.

	mu sync.Mutex
	// Guarded by mu.
	view *view
	away bool // The connection is lost.
}

// show prints what happens until the session or ctx ends.
func (v *visit) show(ctx context.Context) error {
	for event, err := range v.session.Events(ctx) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if err := v.console.Print(v.seen(event)...); err != nil {
			return err
		}
		if left, ok := event.(*beckon.UserLeft); ok && left.User.GetId() == v.session.ID() {
			return fmt.Errorf("no longer in %s%s", v.room, reason(word(left.Reason, "LEAVE_REASON_"), ""))
		}
		if failure, ok := event.(*beckon.Failure); ok && failure.Room == v.room {
			return failure // The room could not be joined anew: any other failure in it is the outcome of a call.
		}
	}
	return nil
}

func (v *visit) seen(event beckon.Event) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch event.(type) {
	case *beckon.Reconnecting:
		v.away = true
		select {
		case v.lost <- struct{}{}:
		default:
		}
	case *beckon.Resumed, *beckon.Resynced:
		v.away = false
	}
	before := v.view.listed
	lines := v.view.lines(event)
	if v.view.listed && !before {
		close(v.listed)
	}
	return lines
}

func (v *visit) isAway() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.away
}

// maxTyped is how many lines may wait to be said, as they do while the connection is lost.
const maxTyped = 100

// listen does what the lines of the input say, one after the other, once it is known who is there, until one of them is
// "/quit" or the input ends: then it waits for what is still to be said, but not while the connection is lost.
func (v *visit) listen(ctx context.Context) error {
	select {
	case <-v.listed:
	case <-ctx.Done():
		return nil
	}
	lines := readLines(ctx, v.console)
	var typed []string
	var doing <-chan error // nil: nothing.
	for ended := false; ; {
		if doing == nil && len(typed) > 0 {
			doing = v.do(ctx, typed[0])
			typed = typed[1:]
		}
		if ended && doing == nil {
			return nil
		}
		if ended && v.isAway() {
			return v.console.Print(failed(errors.New("the connection is lost: not all that was typed has been said"))...)
		}
		in := lines
		if ended || len(typed) == maxTyped {
			in = nil
		}
		select {
		case line := <-in:
			switch {
			case line.err == io.EOF || strings.TrimSpace(line.text) == "/quit":
				ended = true
			case line.err != nil:
				return fmt.Errorf("read the input: %w", line.err)
			default:
				typed = append(typed, line.text)
			}
		case err := <-doing:
			if err != nil {
				return err
			}
			doing = nil
		case <-v.lost:
		case <-ctx.Done():
			return nil
		}
	}
}

// do begins to do what one line says, and prints what comes of it. The error is that of the printing.
func (v *visit) do(ctx context.Context, line string) <-chan error {
	done := make(chan error, 1)
	go func() {
		answer, err := v.obey(ctx, strings.ToValidUTF8(line, "\ufffd"))
		if err != nil && !errors.Is(err, beckon.ErrClosed) {
			answer = failed(err)
		}
		done <- v.console.Print(answer...)
	}()
	return done
}

// obey does what one line says. The error is shown to the person, who goes on.
func (v *visit) obey(ctx context.Context, line string) (answer []string, err error) {
	if !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//") {
		return nil, v.say(ctx, "", strings.TrimPrefix(line, "/"))
	}
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "/to":
		who, text := cutWho(rest)
		if who == "" || text == "" {
			return nil, errors.New(`expected /to WHO TEXT, as in /to ana hello, or /to "ana maria" hello`)
		}
		v.mu.Lock()
		id, err := v.view.find(who)
		v.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return nil, v.say(ctx, id, text)
	case "/who":
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.view.who(), nil
	case "/name":
		return nil, v.session.Update(ctx, &beckon.Update{Room: v.room, Name: &rest})
	case "/help":
		return strings.Split(help, "\n"), nil
	}
	return nil, fmt.Errorf("there is no command %s; /help lists them, // says what begins with a slash", verb)
}

func (v *visit) say(ctx context.Context, to, text string) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return v.session.Data(ctx, &beckon.Data{To: to, Room: v.room, Type: textPlain, Payload: []byte(text)})
}

// cutWho takes the first word, or what stands in quotes, from the rest.
func cutWho(text string) (who, rest string) {
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		who, _ = strconv.Unquote(quoted)
		return who, strings.TrimSpace(text[len(quoted):])
	}
	who, rest, _ = strings.Cut(text, " ")
	return who, strings.TrimSpace(rest)
}
