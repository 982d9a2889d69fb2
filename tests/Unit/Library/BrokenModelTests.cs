using StableDiffusion.Building;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Library;

/// <summary>Models that cannot be used are refused by the import, listed with their problem, and can be removed.</summary>
public sealed class BrokenModelTests : StoreCase
{
    private const string Scheduler = "scheduler/scheduler_config.json";

    [Theory]
    [InlineData("not JSON")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"_class_name": "NoScheduler"}""")]
    [InlineData("""{"_class_name": "DDIMScheduler", "beta_start": "a lot"}""")]
    [InlineData("""{"_class_name": "DDIMScheduler", "num_train_timesteps": null}""")]
    [InlineData("""{"_class_name": "DDIMScheduler", "trained_betas": [0.1]}""")]
    [InlineData("""{"_class_name": "\ud800"}""")]
    public void A_model_with_a_damaged_scheduler_config_leaves_neither_name_nor_content(string config)
    {
        string path = CopyTiny("source");
        File.WriteAllText(Path.Combine(path, Scheduler), config);

        Assert.Throws<ModelInvalidException>(() => Import(path, "mine"));

        Assert.False(Library.Models.Contains("mine"));
        Assert.Empty(Contents);
        Assert.False(Directory.Exists(Folder["cache", ".hashes"]) && Directory.EnumerateFiles(Folder["cache", ".hashes"]).Any());
    }

    [Fact]
    public void A_name_whose_content_is_broken_is_listed_with_the_reason_and_can_be_removed()
    {
        string content = Import(CopyTiny("source"), "mine").Model.Path;
        File.SetAttributes(Path.Combine(content, Scheduler), FileAttributes.Normal);
        File.WriteAllText(Path.Combine(content, Scheduler), "{");

        ModelInfo broken = Library.Models.List(Token).Single(model => model.Name == "mine");
        Assert.Contains("scheduler_config.json", broken.Problem, StringComparison.Ordinal);
        Assert.Contains("scheduler_config.json", Assert.Single(Library.Test(broken, cancellationToken: Token).Problems), StringComparison.Ordinal);
        Assert.Throws<ModelInvalidException>(() => Library.Open("mine", Device.Cpu));

        Library.Models.Remove("mine", Token);
        Assert.Equal([ModelStore.EmbeddedName], Library.Models.List(Token).Select(model => model.Name));
        Assert.Empty(Contents);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no key")]
    [InlineData("0123456789abcdef0123456789abcdef")]
    public void A_name_without_content_is_listed_and_can_be_removed(string text)
    {
        Directory.CreateDirectory(Folder["models"]);
        File.WriteAllText(Folder["models", "lost.model"], text);

        Assert.Contains("lost", Library.Models.List(Token).Single(model => model.Name == "lost").Problem, StringComparison.Ordinal);
        Assert.Contains("lost", Assert.ThrowsAny<DiffusionException>(() => Library.Open("lost", Device.Cpu)).Message, StringComparison.Ordinal);
        Library.Models.Remove("lost", Token);
        Assert.DoesNotContain(Directory.EnumerateFiles(Folder["models"]), path => !FolderLock.IsLock(path));
    }

    [Fact]
    public void A_name_whose_content_is_lost_can_be_imported_again()
    {
        ModelImport import = Import(CopyTiny("source"), "mine");
        Directory.Delete(import.Model.Path, recursive: true);

        Assert.Null(Import(Folder["source"], "mine").Model.Problem);
    }

    [Fact]
    public void Contents_that_no_name_has_are_swept_by_the_next_import_once_they_are_old()
    {
        foreach (string key in (string[])[new('a', 32), new('b', 32)])
        {
            Directory.CreateDirectory(Folder["models", ".content", key]);
            File.WriteAllText(Folder["models", ".content", key, "model.onnx"], "a graph");
        }

        Directory.SetLastWriteTimeUtc(Folder["models", ".content", new('a', 32)], DateTime.UtcNow.AddDays(-2));
        string content = Path.GetFileName(Import(CopyTiny("source")).Model.Path);

        Assert.Equal([content, new string('b', 32)], Contents.Order(StringComparer.Ordinal).OrderBy(name => name != content));
    }

    [Theory]
    [InlineData("model_index.json", """{"_class_name": "\udc00"}""")]
    [InlineData("unet/config.json", """{"\ud800": 1}""")]
    [InlineData("vae/config.json", "\0")]
    [InlineData("generation_config.json", """{"num_inference_steps": 1e99}""")]
    [InlineData("model_manifest.json", """{"source": {"kind": "\ud800", "id": "x"}, "files": {}}""")]
    public void A_damaged_folder_is_listed_with_its_file_and_does_not_hide_the_others(string file, string content)
    {
        CopyTiny("models", "good");
        File.WriteAllText(Path.Combine(CopyTiny("models", "bad"), file), content);

        IReadOnlyList<ModelInfo> models = Library.Models.List(Token);

        Assert.Equal([ModelStore.EmbeddedName, "bad", "good"], models.Select(model => model.Name));
        Assert.Equal([true, false, true], models.Select(model => model.Problem is null));
        Assert.Contains(Path.GetFileName(file), models[1].Problem, StringComparison.Ordinal);
        Library.Models.Remove("bad", Token);
        Assert.False(Directory.Exists(Folder["models", "bad"]));
    }

    [Fact]
    public void Links_that_lead_nowhere_or_in_circles_do_not_hide_the_others()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string good = CopyTiny("models", "good");
        Directory.CreateSymbolicLink(Path.Combine(good, "self"), good);
        Directory.CreateSymbolicLink(Path.Combine(good, "unet", "up"), Folder["models"]);
        string bad = CopyTiny("models", "bad");
        File.Delete(Path.Combine(bad, "unet", "config.json"));
        File.CreateSymbolicLink(Path.Combine(bad, "unet", "config.json"), "/nowhere");
        Directory.CreateDirectory(Folder["models", "index"]);
        File.CreateSymbolicLink(Folder["models", "index", "model_index.json"], "model_index.json");

        IReadOnlyList<ModelInfo> models = Library.Models.List(Token);

        Assert.Equal([ModelStore.EmbeddedName, "bad", "good", "index"], models.Select(model => model.Name));
        Assert.Equal([true, false, true, false], models.Select(model => model.Problem is null));
        Assert.InRange(models[2].Length, 10 << 20, 100 << 20);
    }

    [Fact]
    public void Adapters_and_ControlNets_in_folders_that_link_to_each_other_are_listed_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        foreach (string folder in (string[])[Folder["loras", "a"], Folder["loras", "b"], Folder["controlnets", "net"]])
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "style.safetensors"), "");
            Directory.CreateSymbolicLink(Path.Combine(folder, "one"), Folder["loras"]);
            Directory.CreateSymbolicLink(Path.Combine(folder, "two"), Folder["loras"]);
        }

        File.CreateSymbolicLink(Folder["controlnets", "lost.safetensors"], "nothing");
        File.WriteAllText(Folder["controlnets", "net", "config.json"], "{}");

        (string name, string path) = Assert.Single(Library.Loras.List(Token));
        Assert.Equal(("style", Folder["loras", "a", "style.safetensors"]), (name, path));
        Assert.Equal([Folder["loras", "b", "style.safetensors"]], Library.Loras.FindOthers(path, Token));
        Assert.Equal(["lost", "net"], Library.ControlNets.List());
    }

    [Fact]
    public async Task A_named_pipe_as_a_config_is_a_problem_and_not_a_wait()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has other pipes.");
        string bad = CopyTiny("models", "bad");
        File.Delete(Path.Combine(bad, "unet", "config.json"));
        using (System.Diagnostics.Process mkfifo = System.Diagnostics.Process.Start("mkfifo", [Path.Combine(bad, "unet", "config.json")]))
            await mkfifo.WaitForExitAsync(Token);

        Assert.Contains("pipe", Library.Models.List(Token).Single(model => model.Name == "bad").Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_huge_config_is_refused_before_it_is_read()
    {
        string path = CopyTiny("source");
        foreach (string file in (string[])["unet/config.json", "tokenizer/tokenizer_config.json"])
        {
            string full = Path.Combine(path, file);
            byte[] before = File.ReadAllBytes(full);
            using (FileStream stream = new(full, FileMode.Open))
                stream.SetLength(8L << 30);
            long allocated = GC.GetAllocatedBytesForCurrentThread();

            ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Import(path));

            Assert.Contains(Path.GetFileName(file), error.Message, StringComparison.Ordinal);
            Assert.Contains("STABLEDIFFUSION_MAX_CONFIG_MB", error.Message, StringComparison.Ordinal);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 32 << 20);
            File.WriteAllBytes(full, before);
        }
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        string path = CopyTiny("source");
        File.Move(Path.Combine(path, "unet", "diffusion_pytorch_model.safetensors"), Path.Combine(path, "unet", "a.safetensors"));
        File.WriteAllText(
            Path.Combine(path, "unet", "diffusion_pytorch_model.safetensors.index.json"), """{"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}""");

        Assert.Contains("b.safetensors", Assert.Throws<ModelNotFoundException>(() => Import(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_are_a_link_to_nothing_are_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string path = CopyTiny("source");
        string weights = Path.Combine(path, "unet", "diffusion_pytorch_model.safetensors");
        File.Delete(weights);
        File.CreateSymbolicLink(weights, "nothing");

        Assert.Contains("diffusion_pytorch_model", Assert.Throws<ModelNotFoundException>(() => Import(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_are_not_counted_behind_links_to_folders_and_the_count_can_be_stopped()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string good = CopyTiny("models", "good");
        long length = Library.Models.Find("good", Token).Length;
        Directory.CreateDirectory(Folder["disk"]);
        File.WriteAllBytes(Folder["disk", "large"], new byte[1000]);
        Directory.CreateSymbolicLink(Path.Combine(good, "disk"), Folder["disk"]);

        Assert.Equal(length, Library.Models.Find("good", Token).Length);
        Assert.Throws<OperationCanceledException>(() => Library.Models.List(new CancellationToken(canceled: true)));
        Assert.Throws<OperationCanceledException>(() => Library.Models.Find("good", new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Adapters_behind_a_link_to_a_folder_come_after_those_in_the_folder_itself()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        foreach (string folder in (string[])[Folder["loras", "own", "deep"], Folder["elsewhere", "sub"]])
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, $"{Path.GetFileName(folder)}.safetensors"), "");
        }

        Directory.CreateSymbolicLink(Folder["loras", "more"], Folder["elsewhere"]);
        Directory.CreateSymbolicLink(Folder["loras", "own", "more"], Folder["elsewhere"]);

        Assert.Equal(["deep", "sub"], FolderFiles.Enumerate(Folder["loras"], Token).Select(Path.GetFileNameWithoutExtension));
        Assert.Equal("sub", Library.FindLora("sub", Token).Name);
        Assert.Throws<OperationCanceledException>(() => Library.FindLora("sub", new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_link_to_a_model_whose_files_are_links_is_a_model()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string path = CopyTiny("models--a--b", "snapshots", "main");
        Directory.CreateDirectory(Folder["models--a--b", "blobs"]);
        File.Move(Path.Combine(path, "model_index.json"), Folder["models--a--b", "blobs", "c0ffee"]);
        File.CreateSymbolicLink(Path.Combine(path, "model_index.json"), "../../blobs/c0ffee");
        Directory.CreateDirectory(Folder["models"]);
        Directory.CreateSymbolicLink(Folder["models", "mine"], path);

        Assert.Null(Library.Models.Find("mine", Token).Problem);
    }

    [Fact]
    public void A_folder_in_place_of_a_name_is_kept_and_the_message_says_why()
    {
        Directory.CreateDirectory(Folder["models", "mine.model"]);
        File.WriteAllText(Folder["models", "mine.model", "text"], "of the user");

        Assert.Contains("is a folder", Assert.Throws<OutputWriteException>(() => Library.Models.Remove("mine", Token)).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Folder["models", "mine.model", "text"]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Weights_that_are_none_are_refused_before_they_are_hashed(int form)
    {
        string path = form == 0 ? Folder["sparse.safetensors"] : CopyTiny("source");
        using (FileStream stream = File.Create(form == 0 ? path : Path.Combine(path, "unet", "diffusion_pytorch_model.safetensors")))
            stream.SetLength(1L << 32);
        List<string> activities = [];

        Assert.Throws<ModelInvalidException>(() => Library.Import(path, progress: report => activities.Add(report.Activity), cancellationToken: Token));

        Assert.DoesNotContain(BuildActivity.Hashing, activities);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_model_that_cannot_be_opened_leaves_no_graphs_in_the_cache(bool isExport)
    {
        string path = isExport ? CopyExport("source") : CopyTiny("source");
        File.WriteAllText(Path.Combine(path, "tokenizer", isExport ? "merges.txt" : "tokenizer.json"), "{}");

        using (ModelLease lease = Library.Open(path, Device.Cpu))
        {
            Assert.Throws<ModelInvalidException>(() => lease.Model.OpenTextEncoder(progress: null, Token));
            Assert.Empty(Graphs());
            lease.Model.OpenVaeDecoder(progress: null, Token);
            Assert.Single(Graphs());
        }

        string[] Graphs() => [.. Directory.GetDirectories(Folder["cache"]).Where(static folder => Path.GetFileName(folder)[0] != '.')];
    }
}
