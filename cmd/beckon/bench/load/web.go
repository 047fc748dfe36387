package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"nhooyr.io/websocket"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// webConn is where websockets come from. Each stream has one of its own.
type webConn struct {
	// Immutable.
	target Target
	number int

	mu  sync.Mutex
	raw []net.Conn // Guarded by mu. All that were opened.
}

func (c *webConn) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, raw := range c.raw {
		cut(raw)
	}
}

func (c *webConn) open(ctx context.Context) (stream, error) {
	bearer, err := c.target.bearer()
	if err != nil {
		return nil, err
	}
	scheme := "ws"
	if c.target.TLS != nil {
		scheme = "wss"
	}
	ws, _, err := websocket.Dial(ctx, scheme+"://"+c.target.Addr+beckonv1.Signal_Connect_FullMethodName, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   c.target.TLS,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				raw, err := dial(ctx, addr, c.number)
				if err == nil {
					c.mu.Lock()
					defer c.mu.Unlock()
					c.raw = append(c.raw, raw)
				}
				return raw, err
			},
		}},
		Subprotocols:    []string{"grpc-websockets"},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if refused, ok := err.(*url.Error); ok {
			err = refused.Err
		}
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	ws.SetReadLimit(-1)
	headers := "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n"
	if bearer != "" {
		headers += "authorization: " + bearer + "\r\n"
	}
	if err := ws.Write(ctx, websocket.MessageBinary, []byte(headers)); err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return &webStream{ws: ws}, nil
}

// webStream is a stream on a websocket, as package server/web describes it.
type webStream struct {
	ws *websocket.Conn

	// Owned by who calls Send.
	out []byte

	// Owned by who calls Recv.
	in io.Reader // What is left of a websocket's message. Nil: nothing.
}

// unending is the context of what is read from and written to a websocket: it ends when its connection is cut.
var unending = context.Background()

func (s *webStream) Send(f frame) error {
	s.out = append(s.out[:0], 0, 0) // There is more to come; it is a message.
	s.out = binary.BigEndian.AppendUint32(s.out, uint32(len(f)))
	s.out = append(s.out, f...)
	if err := s.ws.Write(unending, websocket.MessageBinary, s.out); err != nil {
		return io.EOF // Recv tells why.
	}
	return nil
}

func (s *webStream) CloseSend() error {
	return s.ws.Write(unending, websocket.MessageBinary, []byte{1})
}

func (s *webStream) Recv() (message, error) {
	for {
		var prefix [5]byte
		if _, err := io.ReadFull(s, prefix[:]); err != nil {
			return message{}, status.Errorf(codes.Unavailable, "the websocket broke off: %v", err)
		}
		pool := mem.DefaultBufferPool()
		content := pool.Get(int(binary.BigEndian.Uint32(prefix[1:])))
		if _, err := io.ReadFull(s, *content); err != nil {
			pool.Put(content)
			return message{}, status.Errorf(codes.Unavailable, "the websocket broke off: %v", err)
		}
		if prefix[0] == 0 {
			return message{mem.NewBuffer(content, pool)}, nil
		}
		err := trailers(*content)
		pool.Put(content)
		if err != nil {
			return message{}, err
		}
	}
}

// Read reads the contents of the websocket's messages, one behind the other.
func (s *webStream) Read(p []byte) (int, error) {
	for {
		if s.in == nil {
			_, next, err := s.ws.Reader(unending)
			if err != nil {
				return 0, err
			}
			s.in = next
		}
		n, err := s.in.Read(p)
		if err == io.EOF {
			s.in, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// trailers returns the error that a stream ends with: io.EOF if its status is OK, nil if these are only its headers.
func trailers(block []byte) error {
	header, err := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(block), bytes.NewReader([]byte("\r\n"))))).ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("the trailers %q: %w", block, err)
	}
	code := header.Get("Grpc-Status")
	switch n, err := strconv.Atoi(code); {
	case code == "":
		return nil
	case err != nil:
		return fmt.Errorf("the trailer grpc-status is %q: expected a number", code)
	case n == int(codes.OK):
		return io.EOF
	default:
		return status.Error(codes.Code(n), header.Get("Grpc-Message"))
	}
}
