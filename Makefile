# What can be done with this tree, one target each: `make help` lists them.
# Whatever takes more than a line or two of shell is a script in tools/.

SHELL         := bash
.DEFAULT_GOAL := help
.NOTPARALLEL: # one check after the other, so that the last thing printed is what failed

BUF         := go tool -modfile=tools/buf/go.mod buf
STATICCHECK := go tool -modfile=tools/staticcheck/go.mod staticcheck

# How long each fuzzer runs: 30s, 10m, or 1000x for a thousand inputs.
FUZZTIME ?= 5s

.PHONY: help
help: ## list the targets (the default)
	@awk -F ':.*## ' '/^#### /    { printf "\n%s\n", substr($$0, 6) } \
	                  /^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

#### To work with

.PHONY: build test generate format lint fuzz bench release-contract

build: need-go ## build the server: bin/beckon
	@echo "==> build"
	@go build -o bin/ ./cmd/beckon

test: need-go need-cc ## check everything a change must pass
test: gofmt buf-format buf-lint buf-breaking generated tidy vet staticcheck go-test fuzz
	@echo "==> everything passed"

generate: need-go ## write gen/ anew from proto/ (what lies in gen/ is deleted first)
	@echo "==> generate"
	@$(BUF) generate

format: need-go ## format the Go and proto files in place
	@echo "==> format"
	@tools/gofmt.sh write
	@$(BUF) format --write

lint: buf-lint vet staticcheck ## look for mistakes without running anything

fuzz: need-go ## fuzz each fuzz target in the tree for FUZZTIME (5s)
	@echo "==> fuzz, $(FUZZTIME) each"
	@tools/fuzz.sh $(FUZZTIME)

bench: need-go ## run the benchmarks
	@echo "==> bench"
	@go test -run='^$$' -bench=. -benchmem ./...

release-contract: need-go ## with a release: make today's proto/ the contract that later changes must keep
	@echo "==> release-contract"
	@$(BUF) build --exclude-source-info --output proto/released.binpb

#### The checks of `make test`, to run one alone

.PHONY: gofmt buf-format buf-lint buf-breaking generated tidy vet staticcheck go-test

gofmt: need-go ## Go files are formatted
	@echo "==> gofmt"
	@tools/gofmt.sh check

buf-format: need-go ## proto files are formatted
	@echo "==> buf format"
	@$(BUF) format --diff --exit-code || { echo "To fix it: make format" >&2; exit 1; }

buf-lint: need-go ## proto files keep to buf's style
	@echo "==> buf lint"
	@$(BUF) lint

buf-breaking: need-go ## nothing that was released is broken: proto/ against proto/released.binpb
	@echo "==> buf breaking"
	@$(BUF) breaking --against proto/released.binpb

generated: need-go ## gen/ is what proto/ generates
	@echo "==> generated code"
	@tools/check-generated.sh

tidy: need-go ## go.mod and go.sum are complete and hold nothing else
	@echo "==> go mod tidy"
	@tools/check-tidy.sh

vet: need-go ## go vet
	@echo "==> vet"
	@go vet ./...

staticcheck: need-go ## staticcheck
	@echo "==> staticcheck"
	@$(STATICCHECK) ./...

go-test: need-go need-cc ## the tests, with the race detector
	@echo "==> go test -race"
	@CGO_ENABLED=1 go test -race ./...

.PHONY: need-go need-cc
need-go need-cc: need-%:
	@tools/need.sh $*
