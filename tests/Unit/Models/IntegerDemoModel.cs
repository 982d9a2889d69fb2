using StableDiffusion.Building;
using StableDiffusion.Quantization;

namespace StableDiffusion.Tests.Models;

/// <summary>The demo model with a U-Net of 8-bit integers, built once for all tests of a class.</summary>
public sealed class IntegerDemoModel : IDisposable
{
    private readonly TemporaryFolder _cache = new();

    public IntegerDemoModel() => Folder = ModelBuilder.Build(DiffusersFolder.Find(Repository.DemoModel, new ImportOptions { Precision = ModelPrecision.Int8 }), _cache.Path, writeInteger: IntegerUNet.Write);

    public string Folder { get; }

    public void Dispose() => _cache.Dispose();
}
