using StableDiffusion.Models;
using StableDiffusion.Models.Building;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The folders of the reference's tiny SDXL, which lies beside the repository, and of a refiner made of it; each is built once.</summary>
public sealed class SmallModels : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private string? _large;
    private string? _refiner;

    public string Large => _large ??= Build(FamilyReference.Find("sdxl", "sdxl-tiny.safetensors"));

    public string Refiner => _refiner ??= Build(SmallRefiner.Write, "refiner.safetensors");

    public void Dispose() => _folder.Dispose();

    private string Build(Action<string> write, string file)
    {
        write(_folder[file]);
        return Build(_folder[file]);
    }

    private string Build(string file) => ModelBuilder.Build(new CheckpointSource(file, new ImportOptions()), _folder["cache"], null, TestContext.Current.CancellationToken);
}
