using StableDiffusion.Models;
using StableDiffusion.Models.Building;
using StableDiffusion.Onnx;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Models that tests build of files.</summary>
internal static class BuiltModel
{
    /// <summary>Builds a model and opens it on the processor.</summary>
    public static DiffusionModel Open(IModelSource source, string cache)
    {
        string folder = ModelBuilder.Build(source, cache, null, TestContext.Current.CancellationToken);
        return new DiffusionModel(ModelStore.Describe(Path.GetFileName(source.Path), folder), Device.Cpu);
    }
}
