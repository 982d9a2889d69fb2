using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Running;

/// <summary>The memory of weights is that of 32-bit floats, whatever the files hold, and is found once.</summary>
public sealed class WeightMemoryTests(SharedModels models) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_is_the_same_for_graphs_of_both_precisions_and_for_a_source_that_is_not_built()
    {
        double built = models.Open(models.Demo).Weights.Own(Cancellation);
        Assert.InRange(built, 60_000_000, 80_000_000);
        Assert.Equal(FolderFiles.Length(models.Demo, Cancellation), built);
        Assert.InRange(models.Open(models.HalfDemo).Weights.Own(Cancellation) / built, 0.97, 1.03);

        using DiffusionModel source = new(ModelLibrary.Default.Models.Describe("demo", Repository.DemoModel, Cancellation), Device.Cpu) { CacheFolder = _folder.Path };
        Assert.Null(source.FindBuilt(Cancellation));
        Assert.InRange(source.Weights.Own(Cancellation) / built, 0.97, 1.03);
    }

    [Fact]
    public void Configurations_are_read_once()
    {
        DiffusionModel model = models.Open(models.Demo);
        Assert.NotNull(model.BackboneConfig);
        Assert.Same(model.BackboneConfig, model.BackboneConfig);
        Assert.Same(model.VaeTraits, model.VaeTraits);
    }
}
