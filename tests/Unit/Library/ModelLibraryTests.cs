using StableDiffusion.Adapters;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Library;

[Collection(AloneCollection.Name)]
public sealed class ModelLibraryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private ModelLibrary Library => new(new StorageFolders
    {
        Models = _folder["models"],
        Loras = _folder["loras"],
        Embeddings = _folder["embeddings"],
        ControlNets = _folder["controlnets"],
        Vaes = _folder["vaes"],
        Upscalers = _folder["upscalers"],
        Wildcards = _folder["wildcards"],
        Detectors = _folder["detectors"],
        Cache = _folder["graphs"],
        Downloads = _folder["downloads"],
    });

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_library_without_folders_has_only_the_model_of_the_engine()
    {
        Assert.Equal([ModelStore.EmbeddedName], Library.Models.List(TestContext.Current.CancellationToken).Select(model => model.Name));
        Assert.Empty(Library.ControlNets.List());
        Assert.Empty(Library.Loras.List(TestContext.Current.CancellationToken));
        Assert.Empty(Library.Embeddings.List(TestContext.Current.CancellationToken));
        Assert.Empty(Library.Downloads.List());
        Library.DeleteGraphs();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Models_are_looked_for_in_the_folders_of_the_library_alone()
    {
        Repository.CopyDemoModel(_folder["models", "own"]);

        Assert.Equal(_folder["models", "own"], Library.Models.Find("own", TestContext.Current.CancellationToken).Path);
        Assert.Throws<ModelNotFoundException>(() => ModelLibrary.Default.Models.Find("own", TestContext.Current.CancellationToken));
        using ModelLease lease = Library.Open("own", Device.Cpu);
        Assert.NotNull(lease.Model.OpenTextEncoder(null, TestContext.Current.CancellationToken));
        Library.Models.Remove("own", TestContext.Current.CancellationToken);
        Assert.False(Library.Models.Contains("own"));
        Assert.NotEmpty(Directory.GetDirectories(_folder["graphs"]));
        Library.CloseModels();
    }

    [Fact]
    public void The_progress_tells_the_reading_of_a_model_from_the_building_of_its_graphs()
    {
        Repository.CopyDemoModel(_folder["models", "own"]);

        Assert.Equal(["Reading the model", "Building the model's graphs"], Activities());
        Directory.Delete(_folder["graphs", ".hashes"], recursive: true);
        Assert.Equal(["Reading the model"], Activities());

        IEnumerable<string> Activities()
        {
            List<string> activities = [];
            using (ModelLease lease = Library.Open("own", Device.Cpu))
                _ = new DiffusionPipeline(lease.Model, report => activities.Add(report.Activity)).Identify(TestContext.Current.CancellationToken);
            Library.CloseModels();
            return activities.Distinct();
        }
    }

    [Fact]
    public void Libraries_over_other_folders_do_not_share_an_open_model()
    {
        using ModelLease first = Library.Open(device: Device.Cpu);
        using ModelLease second = Library.Open(device: Device.Cpu);
        using ModelLease other = new ModelLibrary(Library.Folders with { Cache = _folder["other"] }).Open(device: Device.Cpu);

        Assert.Same(first.Model, second.Model);
        Assert.NotSame(first.Model, other.Model);
        Library.CloseModels();
    }

    [Theory]
    [InlineData("style")]
    [InlineData("STYLE.safetensors")]
    [InlineData(null)]
    public void A_lora_of_the_library_is_recorded_by_its_name_however_it_is_given(string? name)
    {
        string path = _folder["loras", "inner", "style.safetensors"];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, []);

        Lora lora = Lora.Parse($"{name ?? path}:0.5", text => Library.FindLora(text, TestContext.Current.CancellationToken));
        Assert.Equal((path, 0.5, "style:0.5"), (lora.Path, lora.Strength, lora.ToString()));
        Assert.Equal("style:0.75", Assert.Single(AdapterSet.Create([lora, new Lora(path, 0.25)]).Loras).ToString());
        Assert.Equal($"{path}:1", ModelLibrary.Default.FindLora(path, TestContext.Current.CancellationToken).ToString());
    }

    [Fact]
    public void The_environment_is_read_at_each_use()
    {
        string? before = Environment.GetEnvironmentVariable(StorageFolders.EmbeddingsVariable);
        try
        {
            Environment.SetEnvironmentVariable(StorageFolders.EmbeddingsVariable, _folder["first"]);
            Assert.Equal(_folder["first"], ModelLibrary.Default.Folders.Embeddings);
            Environment.SetEnvironmentVariable(StorageFolders.EmbeddingsVariable, null);
            StorageFolders folders = ModelLibrary.Default.Folders;
            Assert.Equal(Path.Combine(Path.GetDirectoryName(folders.Models)!, "embeddings"), folders.Embeddings);
        }
        finally
        {
            Environment.SetEnvironmentVariable(StorageFolders.EmbeddingsVariable, before);
        }
    }
}
