package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// farewell is how long the server may take to end an interrupted session.
const farewell = 3 * time.Second

// joinJSON shows one stream as it is: it sends join, then the ConnectRequests that are the lines of in, and writes each
// ConnectResponse as a line to out. The end of in, or of ctx, half-closes the stream; what the server still has to say
// is written.
func joinJSON(ctx context.Context, conn grpc.ClientConnInterface, join *beckonv1.Join, in lineReader, out io.Writer) error {
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })()

	stream, err := beckonv1.NewSignalClient(conn).Connect(streamCtx)
	if err != nil {
		return err
	}
	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	sent := make(chan error, 1)
	go func() { sent <- sendLines(sending, stream, join, in) }()

	err = printEvents(stream, out)
	stopSending()
	if badLine := <-sent; badLine != nil {
		return badLine
	}
	return err
}

// sendLines half-closes the stream at the end. An error of the stream itself is left to the reader, who learns more.
func sendLines(ctx context.Context, stream beckonv1.Signal_ConnectClient, join *beckonv1.Join, in lineReader) error {
	defer stream.CloseSend()
	first := &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: join}}
	if stream.Send(first) != nil {
		return nil
	}
	lines := readLines(ctx, in)
	for number := 1; ; number++ {
		var line inputLine
		select {
		case line = <-lines:
		case <-ctx.Done():
			return nil
		}
		if line.err == io.EOF {
			return nil
		}
		if line.err != nil {
			return fmt.Errorf("read the input: %w", line.err)
		}
		if strings.TrimSpace(line.text) == "" {
			continue
		}
		request := &beckonv1.ConnectRequest{}
		if err := protojson.Unmarshal([]byte(line.text), request); err != nil {
			return fmt.Errorf("line %d of the input is no ConnectRequest: %w", number, err)
		}
		if stream.Send(request) != nil {
			return nil
		}
	}
}

func printEvents(stream beckonv1.Signal_ConnectClient, out io.Writer) error {
	names := protojson.MarshalOptions{UseProtoNames: true}
	for {
		event, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		text, err := names.Marshal(event)
		if err != nil {
			return err
		}
		var line bytes.Buffer
		if err := json.Compact(&line, text); err != nil { // Takes away the spaces that protojson varies on purpose.
			return err
		}
		line.WriteByte('\n')
		if _, err := line.WriteTo(out); err != nil {
			return err
		}
	}
}
