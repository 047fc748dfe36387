// Package webtest is a grpc-web client for tests: what a browser does, in Go.
package webtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"sync"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"nhooyr.io/websocket"
)

// Conn calls a server's web port, for the clients that protoc-gen-go-grpc generates. A stream of both ways is a
// websocket, any other call a POST request.
type Conn struct {
	// Immutable.
	addr   string
	client *http.Client
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)

	mu         sync.Mutex
	conns      []net.Conn        // Guarded by mu. All that were opened.
	websockets []*websocket.Conn // Guarded by mu. Likewise.

	// Of every request, such as an Origin.
	Header http.Header
	// Of messages. Default: gRPC's for protobuf.
	Codec encoding.CodecV2
}

// New returns a Conn to addr, "host:port". dial is how to get there; by default over TCP.
func New(addr string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *Conn {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	c := &Conn{addr: addr, Header: http.Header{}, Codec: encoding.GetCodecV2(protocodec.Name)}
	c.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.conns = append(c.conns, conn)
		}
		return conn, err
	}
	c.client = &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: c.dial}}
	return c
}

// Close closes all connections, whatever goes on on them.
func (c *Conn) Close() error {
	c.client.CloseIdleConnections()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close() // It may be closed.
	}
	for _, ws := range c.websockets {
		_ = ws.CloseNow()
	}
	return nil
}

// Do sends any request to a path of the port.
func (c *Conn) Do(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+c.addr+path, body)
	if err != nil {
		return nil, err
	}
	for _, h := range []http.Header{c.Header, header} {
		for name, values := range h {
			r.Header[name] = values
		}
	}
	return c.client.Do(r)
}

// Websocket opens a websocket for Connect and sends headers as its first message, if there are any.
func (c *Conn) Websocket(ctx context.Context, path, headers string) (*websocket.Conn, error) {
	ws, response, err := websocket.Dial(ctx, "ws://"+c.addr+path, &websocket.DialOptions{
		HTTPClient:      c.client,
		HTTPHeader:      c.Header,
		Subprotocols:    []string{"grpc-websockets"},
		CompressionMode: websocket.CompressionContextTakeover, // As browsers do; the server is to decline.
	})
	if err != nil {
		return nil, err
	}
	if used := response.Header.Get("Sec-Websocket-Extensions"); used != "" {
		_ = ws.CloseNow()
		return nil, fmt.Errorf("the server uses the extension %q: expected none", used)
	}
	ws.SetReadLimit(-1)
	c.mu.Lock()
	c.websockets = append(c.websockets, ws)
	c.mu.Unlock()
	if headers != "" {
		err = ws.Write(ctx, websocket.MessageBinary, []byte(headers))
	}
	return ws, err
}

// Invoke implements grpc.ClientConnInterface.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	st, err := c.NewStream(ctx, &grpc.StreamDesc{}, method, options...)
	if err != nil {
		return err
	}
	if err := errors.Join(st.SendMsg(args), st.CloseSend()); err != nil {
		return err
	}
	if err := st.RecvMsg(reply); err != nil {
		return err
	}
	if err := st.RecvMsg(reply); err != io.EOF {
		return err
	}
	return nil
}

// NewStream implements grpc.ClientConnInterface.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	s := &stream{ctx: ctx, conn: c, method: method}
	if !desc.ClientStreams {
		return s, nil
	}
	var conn net.Conn
	dialing := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) { conn = got.Conn }})
	ws, err := c.Websocket(dialing, method, headerBlock(ctx))
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() }) // So that the stream is lost even if nobody reads.
	s.ws = ws
	s.body = &messages{ws: ws}
	return s, nil
}

// headers returns those of a call.
func headers(ctx context.Context) http.Header {
	h := http.Header{"Content-Type": {"application/grpc-web+proto"}, "X-Grpc-Web": {"1"}}
	md, _ := metadata.FromOutgoingContext(ctx)
	for name, values := range md {
		h[http.CanonicalHeaderKey(name)] = values
	}
	return h
}

// headerBlock returns the first message of a websocket.
func headerBlock(ctx context.Context) string {
	var b bytes.Buffer
	_ = headers(ctx).Write(&b) // To memory.
	return b.String()
}

// Headers are the first message of a websocket that has no more to say.
const Headers = "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n"

// EndOf returns the error that a stream of envelopes ends with: io.EOF if its status is OK.
func EndOf(envelopes []byte) error {
	s := &stream{ctx: context.Background(), body: bytes.NewReader(envelopes)}
	for {
		if _, err := s.next(); err != nil {
			return err
		}
	}
}

// stream is a call.
type stream struct {
	ctx    context.Context
	conn   *Conn
	method string

	// Of a websocket; otherwise nil.
	ws *websocket.Conn
	// Of any other call: what is to be sent.
	request []byte

	body            io.Reader // Envelopes.
	header, trailer metadata.MD
	end             error // Once it came.
}

// Header implements grpc.ClientStream, but that it does not wait.
func (s *stream) Header() (metadata.MD, error) { return s.header, nil }

// Trailer implements grpc.ClientStream.
func (s *stream) Trailer() metadata.MD { return s.trailer }

// Context implements grpc.ClientStream.
func (s *stream) Context() context.Context { return s.ctx }

// unending is the context of what is read from and written to a websocket: what ends with the call's context is the
// connection. The library has a data race between a context that ends and CloseNow.
var unending = context.Background()

// SendMsg implements grpc.ClientStream.
func (s *stream) SendMsg(m any) error {
	encoded, err := s.conn.Codec.Marshal(m)
	if err != nil {
		return err
	}
	envelope := Envelope(0, encoded.Materialize())
	if s.ws == nil {
		s.request = envelope
		return nil
	}
	if err := s.ws.Write(unending, websocket.MessageBinary, append([]byte{0}, envelope...)); err != nil {
		return io.EOF // RecvMsg tells why.
	}
	return nil
}

// Envelope returns a message in its envelope.
func Envelope(flags byte, message []byte) []byte {
	b := append(make([]byte, 0, 5+len(message)), flags)
	b = binary.BigEndian.AppendUint32(b, uint32(len(message)))
	return append(b, message...)
}

// CloseSend implements grpc.ClientStream.
func (s *stream) CloseSend() error {
	if s.ws != nil {
		return s.ws.Write(unending, websocket.MessageBinary, []byte{1})
	}
	response, err := s.conn.Do(s.ctx, http.MethodPost, s.method, headers(s.ctx), bytes.NewReader(s.request))
	if err != nil {
		return status.FromContextError(err).Err()
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return status.Errorf(codes.Internal, "%s: %s", response.Status, text)
	}
	s.header, s.body = mdOf(response.Header), response.Body
	return nil
}

// RecvMsg implements grpc.ClientStream.
func (s *stream) RecvMsg(m any) error {
	if s.end != nil {
		return s.end
	}
	message, err := s.next()
	if err != nil {
		s.end = err
		if body, ok := s.body.(io.Closer); ok {
			_ = body.Close() // All of it was read, or is of no use.
		}
		return err
	}
	return s.conn.Codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(message)}, m)
}

// next returns the next message, or the status with which the call ended.
func (s *stream) next() ([]byte, error) {
	for {
		flags, content, err := ReadEnvelope(s.body)
		switch {
		case err == io.EOF && s.ws == nil && len(s.header["grpc-status"]) > 0:
			return nil, statusOf(s.header) // The trailers came as headers.
		case err != nil && s.ctx.Err() != nil:
			return nil, status.FromContextError(s.ctx.Err()).Err()
		case err != nil:
			return nil, status.Errorf(codes.Unavailable, "the stream broke off: %v", err)
		case flags == 0:
			return content, nil
		}
		block, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(content, "\r\n"...)))).ReadMIMEHeader()
		if err != nil {
			return nil, status.Errorf(codes.Internal, "trailers %q: %v", content, err)
		}
		md := mdOf(http.Header(block))
		if len(md["grpc-status"]) == 0 {
			s.header = md
			continue
		}
		s.trailer = md
		if s.ws != nil {
			if _, _, err := s.ws.Read(unending); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				return nil, status.Errorf(codes.Internal, "the websocket ended with %v: expected the status 1000", err)
			}
		} else if n, err := io.Copy(io.Discard, s.body); n > 0 || err != nil { // So that the next call can have the connection.
			return nil, status.Errorf(codes.Internal, "%d bytes follow the trailers, and then %v: expected the end", n, err)
		}
		return nil, statusOf(s.trailer)
	}
}

// ReadEnvelope reads the next envelope, its flags and its content.
func ReadEnvelope(r io.Reader) (flags byte, content []byte, err error) {
	var prefix [5]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return 0, nil, err
	}
	content = make([]byte, binary.BigEndian.Uint32(prefix[1:]))
	_, err = io.ReadFull(r, content)
	return prefix[0], content, err
}

// mdOf returns headers as metadata.
func mdOf(h http.Header) metadata.MD {
	md := metadata.MD{}
	for name, values := range h {
		md.Append(name, values...)
	}
	return md
}

// statusOf returns the error that a call ends with: io.EOF if it is OK.
func statusOf(trailer metadata.MD) error {
	first := func(name string) string {
		for _, v := range trailer[name] {
			return v
		}
		return ""
	}
	code, err := strconv.Atoi(first("grpc-status"))
	if err != nil {
		return status.Errorf(codes.Internal, "trailers %v: expected a grpc-status", trailer)
	}
	if code == int(codes.OK) {
		return io.EOF
	}
	details, err := base64.RawStdEncoding.DecodeString(first("grpc-status-details-bin"))
	if err != nil {
		return status.Errorf(codes.Internal, "details of a status: %v", err)
	}
	st := &spb.Status{Code: int32(code), Message: first("grpc-message")}
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(details, st); err != nil {
		return status.Errorf(codes.Internal, "details of a status: %v", err)
	}
	return status.ErrorProto(st)
}

// messages reads the contents of websocket messages, one behind the other.
type messages struct {
	ws   *websocket.Conn
	rest []byte
}

// Read implements io.Reader.
func (m *messages) Read(p []byte) (int, error) {
	for len(m.rest) == 0 {
		_, content, err := m.ws.Read(unending)
		if err != nil {
			return 0, err
		}
		m.rest = content
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}
