using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The demo model, open on the processor for the tests of a class.</summary>
public sealed class DemoModelFixture : IDisposable
{
    private readonly ModelLease _lease = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);

    public DemoModelFixture() => Pipeline = new DiffusionPipeline(_lease.Model);

    public DiffusionPipeline Pipeline { get; }

    public DiffusionModel Model => _lease.Model;

    public void Dispose() => _lease.Dispose();
}
