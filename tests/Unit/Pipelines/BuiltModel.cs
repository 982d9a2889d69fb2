using StableDiffusion.Building;
using StableDiffusion.Onnx;
using StableDiffusion.Running;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Models that tests build of files.</summary>
internal static class BuiltModel
{
    /// <summary>Builds a model and opens it on the processor.</summary>
    public static DiffusionModel Open(IModelSource source, string cache)
    {
        string folder = ModelBuilder.Build(source, cache, null, TestContext.Current.CancellationToken);
        return new DiffusionModel(ModelReader.Read(Path.GetFileName(source.Path), folder), Device.Cpu);
    }

    /// <summary>Builds a single file in full precision and opens it on the processor.</summary>
    public static DiffusionModel Open(string file, string cache) => Open(new CheckpointSource(file, new ImportOptions()), cache);
}
