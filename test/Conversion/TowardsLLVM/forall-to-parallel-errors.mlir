// RUN: snn-opt %s --convert-forall-to-parallel --verify-diagnostics

func.func @results(%n: index, %x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @below {{expected a loop on buffers, got one with results}}
  %r = scf.forall (%i) in (%n) shared_outs(%y = %x) -> tensor<?xf32> {
  }
  return %r : tensor<?xf32>
}
