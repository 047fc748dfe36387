package transcript

import (
	"fmt"
	"io"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// An end is the end of a stream.
type end struct{ status *status.Status }

// endOf returns the end that an error of Recv stands for.
func endOf(err error) *end {
	if err == io.EOF {
		return &end{status: status.New(codes.OK, "")}
	}
	return &end{status: status.Convert(err)}
}

// Error tells of an end that came too early.
func (e *end) Error() string {
	return fmt.Sprintf("the stream ended: %s (%s)", e.notation(), e.status.Message())
}

// notation returns the end as it is written after "end".
func (e *end) notation() string {
	name := code.Code(e.status.Code()).String()
	for _, detail := range e.status.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			if info.Domain != "beckon" {
				return fmt.Sprintf("%s %s of %q", name, info.Reason, info.Domain)
			}
			return name + " " + info.Reason
		}
	}
	return name
}
