using StableDiffusion.Building;

namespace StableDiffusion.Tests.Models;

/// <summary>The demo model in half precision, built once for all tests of a class.</summary>
public sealed class HalfDemoModel : IDisposable
{
    private readonly TemporaryFolder _cache = new();

    public HalfDemoModel() => Folder = ModelBuilder.Build(DiffusersFolder.Find(Repository.DemoModel, new ImportOptions { Precision = ModelPrecision.Half }), _cache.Path);

    public string Folder { get; }

    public void Dispose() => _cache.Dispose();
}
