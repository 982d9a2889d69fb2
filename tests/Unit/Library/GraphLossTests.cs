using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Library;

/// <summary>Built graphs are kept while a model is open, and built again if they are lost all the same.</summary>
[Collection(AloneCollection.Name)]
public sealed class GraphLossTests : StoreCase
{
    private string Graphs => Assert.Single(new BuildCache(Folder["cache"]).Keys);

    public override void Dispose()
    {
        Library.CloseModels();
        base.Dispose();
    }

    [Fact]
    public void The_graphs_of_an_open_model_are_kept_and_deleted_when_it_is_closed()
    {
        using (ModelLease lease = Library.Open(CopyTiny("source"), Device.Cpu))
        {
            lease.Model.OpenTextEncoder(null, Token);
            Library.CloseModels();
            Assert.Equal(1, Library.DeleteGraphs());
            Assert.NotNull(lease.Model.OpenUNet(null, Token));
        }

        Assert.Equal(0, Library.DeleteGraphs());
        Assert.Empty(new BuildCache(Folder["cache"]).Keys);
        Assert.False(Directory.Exists(Folder["cache", ".hashes"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Graphs_that_are_lost_or_cut_off_are_built_again(bool isCut)
    {
        using ModelLease lease = Library.Open(CopyTiny("source"), Device.Cpu);
        lease.Model.OpenTextEncoder(null, Token);
        string data = Folder["cache", Graphs, "unet", "model.onnx_data"];
        long length = new FileInfo(data).Length;
        if (isCut)
        {
            File.SetAttributes(data, FileAttributes.Normal);
            using FileStream stream = new(data, FileMode.Open);
            stream.SetLength(length / 2);
        }
        else
        {
            Directory.Delete(Folder["cache", Graphs], recursive: true);
        }

        Assert.NotNull(lease.Model.OpenUNet(null, Token));
        Assert.NotNull(lease.Model.OpenVaeDecoder(null, Token));
        Assert.Equal(length, new FileInfo(data).Length);
    }

    [Fact]
    public void An_imported_model_that_is_cut_off_after_it_was_opened_is_an_error_and_no_crash()
    {
        string content = Import(CopyTiny("source"), "mine").Model.Path;
        using ModelLease lease = Library.Open("mine", Device.Cpu);
        lease.Model.OpenTextEncoder(null, Token);
        string data = Path.Combine(content, "unet", "model.onnx_data");
        File.SetAttributes(data, FileAttributes.Normal);
        using (FileStream stream = new(data, FileMode.Open))
            stream.SetLength(1000);

        Assert.Contains(content, Assert.Throws<ModelInvalidException>(() => lease.Model.OpenUNet(null, Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Built_files_are_read_only_and_deleted_all_the_same()
    {
        string content = Import(CopyTiny("source"), "mine").Model.Path;
        using (ModelLease lease = Library.Open(Folder["source"], Device.Cpu))
            lease.Model.OpenTextEncoder(null, Token);

        foreach (string folder in (string[])[content, Folder["cache", Graphs]])
            Assert.All(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories), static file => Assert.True(new FileInfo(file).IsReadOnly));
        Library.CloseModels();
        Library.Models.Remove("mine", Token);
        Library.DeleteGraphs();
        Assert.False(Directory.Exists(content));
    }

    [Fact]
    public void Graphs_from_elsewhere_are_opened_from_a_copy()
    {
        string source = CopyExport("models", "graphs");
        using ModelLease lease = Library.Open("graphs", Device.Cpu);
        lease.Model.OpenTextEncoder(null, Token);
        string unet = Path.Combine(source, "unet", "model.onnx");
        File.WriteAllBytes(unet, []);

        Assert.NotNull(lease.Model.OpenUNet(null, Token));
        Assert.True(File.Exists(Folder["cache", Graphs, "unet", "model.onnx"]));
    }

    [Fact]
    public void A_build_that_was_killed_is_swept_by_the_next_one()
    {
        string dead = Folder["cache", ".building-dead"];
        string alive = Folder["cache", ".building-alive"];
        Directory.CreateDirectory(dead);
        Directory.CreateDirectory(alive);
        File.WriteAllText(FolderLock.PathOf(dead), "");
        using (FolderLock.TryOwn(alive))
            new BuildCache(Folder["cache"]).Sweep();

        Assert.Equal([".building-alive", ".building-alive.lock"], Directory.EnumerateFileSystemEntries(Folder["cache"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_hashes_of_sources_that_no_longer_exist_are_swept_by_the_next_import()
    {
        string first = CopyTiny("first");
        foreach (string file in Directory.EnumerateFiles(first, "*", SearchOption.AllDirectories))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(-1));
        Import(first, "first");
        int before = Directory.GetFiles(Folder["cache", ".hashes"]).Length;
        Directory.Delete(first, recursive: true);

        Import(CopyExport("second"), "second", skipsTest: true);

        // That of the first source has gone, and those of the second model's source and content have come, as far as they are old enough.
        Assert.DoesNotContain(Directory.GetFiles(Folder["cache", ".hashes"]), file => File.ReadAllText(file).Contains($"{first}{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
        Assert.True(before > 0);
    }

    [Fact]
    public void A_model_that_is_replaced_in_its_place_is_opened_anew_and_stays_with_those_who_use_it()
    {
        string path = CopyTiny("model");
        ModelLibrary library = Library;
        using ModelLease first = library.Open(path, Device.Cpu);
        first.Model.OpenTextEncoder(progress: null, Token);
        using (ModelLease same = library.Open(path, Device.Cpu))
            Assert.Same(first.Model, same.Model);

        SetKey(Path.Combine(path, "scheduler", "scheduler_config.json"), "prediction_type", "v_prediction");

        using ModelLease next = library.Open(path, Device.Cpu);
        Assert.NotSame(first.Model, next.Model);
        Assert.Equal("v_prediction", next.Model.Info.PredictionType);
        first.Model.OpenTextEncoder(progress: null, Token);
    }
}
