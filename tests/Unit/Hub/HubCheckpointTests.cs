using System.Text;
using System.Text.Json.Nodes;
using StableDiffusion.Building;
using StableDiffusion.Hub;
using StableDiffusion.Library;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Adapters;
using StableDiffusion.Tests.Families;
using StableDiffusion.Tests.Pipelines;
using StableDiffusion.Tests.Tensors.Torch;

namespace StableDiffusion.Tests.Hub;

/// <summary>Checkpoints, which are imported when they are here.</summary>
public sealed class HubCheckpointTests : HubTests
{
    private const string Model = "tiny.safetensors";

    private static HubRequest Wanted { get; } = new() { Id = FakeHub.Id };

    private ContentStore Store => new(Folder["models"]);

    private string[] Contents => [.. Directory.EnumerateDirectories(Folder["models", ".content"]).Where(folder => !Path.GetFileName(folder).StartsWith('.'))];

    private int Fetched => Hub.Requests.Count(request => request.Path.Contains("/resolve/", StringComparison.Ordinal));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_that_does_not_work_is_published_only_without_the_test(bool isFile)
    {
        if (isFile)
        {
            Hub.Files[Model] = TinyCheckpoint.Changed(static tensor => tensor.Values.AsSpan().Fill(1e30f));
        }
        else
        {
            AddTinyFolder();
            Hub.Files["vae/diffusion_pytorch_model.safetensors"] = Overflowing(Hub.Files["vae/diffusion_pytorch_model.safetensors"]);
        }

        Assert.Equal(Remedy.SkipTest, Assert.Throws<ModelInvalidException>(() => Save(Wanted)).Remedy);
        Assert.False(new ModelLibrary(Folders).Models.Contains("name"));

        int fetched = Fetched;
        Assert.True(Save(Wanted with { SkipTest = true }).IsModel);
        Assert.True(new ModelLibrary(Folders).Models.Contains("name"));
        Assert.Equal(fetched, Fetched);
    }

    [Theory]
    [InlineData("tokenizer/tokenizer.json", false)]
    [InlineData("tokenizer/tokenizer.json", true)]
    [InlineData("unet/config.json", false)]
    [InlineData("unet/config.json", true)]
    [InlineData("scheduler/scheduler_config.json", true)]
    public void What_cannot_be_a_model_is_not_published_without_the_test_either(string file, bool skipsTest)
    {
        AddTinyFolder();
        Hub.Files[file] = Text("{}");

        string message = Assert.Throws<ModelInvalidException>(() => Save(Wanted with { SkipTest = skipsTest })).Message;

        Assert.Contains($"'{FakeHub.Id}' is not a model that can be used", message, StringComparison.Ordinal);
        Assert.DoesNotContain(Folder["downloads"], message, StringComparison.Ordinal);
        Assert.False(new ModelLibrary(Folders).Models.Contains("name"));
        Assert.All(FilesIn("downloads"), path => Assert.EndsWith(".lock", path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_without_an_excluded_file_is_not_published_and_its_files_stay_for_the_next_try()
    {
        AddTinyFolder();
        HubRequest request = Wanted with { SkipTest = true, Exclude = static path => path == "unet/config.json" };
        Assert.Contains("without the excluded files", Assert.Throws<ModelInvalidException>(() => Save(request)).Message, StringComparison.Ordinal);
        Assert.False(new ModelLibrary(Folders).Models.Contains("name"));

        int fetched = Fetched;
        Assert.True(Save(Wanted).IsModel);
        Assert.Equal(fetched + 1, Fetched);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_checkpoint_is_imported_and_its_file_not_kept(bool isPickle)
    {
        string name = isPickle ? "tiny.ckpt" : Model;
        Hub.Files[name] = isPickle ? TinyCheckpoint.Pickle() : TinyCheckpoint.Bytes();
        Hub.Files["README.md"] = Text("a model");

        SavedModel saved = Save(Wanted);

        Assert.Equal(("name", true, false), (saved.Name, saved.IsModel, saved.WasThere));
        Assert.Empty(saved.Files);
        Assert.Null(saved.Remark);
        Assert.Equal(Assert.Single(Contents), saved.Folder);
        Assert.False(saved.Import!.WasThere);
        Assert.Equal((Hub.Files[name].Length, "StableDiffusion1"), (saved.Import.SourceLength, saved.Import.Family));
        Assert.NotEmpty(saved.Import.Findings);
        Assert.Empty(ModelManifest.Read(saved.Folder)!.Compare(saved.Folder, Token));
        Assert.All(FilesIn("downloads"), path => Assert.EndsWith(".lock", path, StringComparison.Ordinal));
        Assert.Equal([".content", ".content.lock", "name.model"], Directory.EnumerateFileSystemEntries(Folder["models"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));

        ModelManifest origin = Store.ReadOrigin("name")!;
        Assert.Equal(new ModelSource { Kind = "hub", Id = FakeHub.Id, Revision = FakeHub.Commit, Requested = "main" }, origin.Source);
        Assert.Equal(Hub.Files[name].Length, origin.Files[name].Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_saved_already_is_not_fetched_again_unless_forced(bool isWithoutHashes)
    {
        Hub.IsWithoutHashes = isWithoutHashes;
        Hub.Files[Model] = TinyCheckpoint.Bytes();
        SavedModel first = Save(Wanted);
        SavedModel second = Save(Wanted with { File = Model, Name = "name" });
        Assert.Equal((true, true, first.Folder), (second.WasThere, second.IsModel, second.Folder));
        Assert.Null(second.Import);
        Assert.Equal(1, Fetched);

        // Damage that no length shows is repaired.
        string weights = Path.Combine(first.Folder, "unet", "model.onnx_data");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        SavedModel forced = Save(Wanted with { Force = true });
        Assert.Equal(2, Fetched);
        Assert.Equal(first.Folder, forced.Folder);
        Assert.Empty(ModelManifest.Read(forced.Folder)!.Compare(forced.Folder, Token));
        Assert.Equal(forced.Folder, Assert.Single(Contents));
    }

    [Fact]
    public void The_same_content_is_not_fetched_for_another_name_or_commit()
    {
        Hub.Files[Model] = TinyCheckpoint.Bytes();
        string folder = Save(Wanted).Folder;

        SavedModel other = Save(Wanted with { Name = "other" });
        Assert.Equal((true, true, folder), (other.WasThere, other.IsModel, other.Folder));

        JsonObject later = Hub.Description();
        later["sha"] = "1" + FakeHub.Commit[1..];
        Hub.Script = request => request.Path.StartsWith("/api/", StringComparison.Ordinal) ? new FakeHub.Answer(200, Encoding.UTF8.GetBytes(later.ToJsonString())) : null;
        Assert.True(Save(Wanted).WasThere);
        Assert.Equal(1, Fetched);
        Assert.Equal(["name", "other"], Store.Names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_model_that_was_imported_of_the_same_file_is_taken_for_it()
    {
        Hub.Files[Model] = TinyCheckpoint.Bytes();
        ImportTarget target = new() { Folders = Folders, Name = "name" };
        ModelImporter.Import(new CheckpointSource(TinyCheckpoint.Path, new ImportOptions()), target, null, Token);
        HubDownload download = HubDownload.Plan(Wanted, Settings(), cancellationToken: Token);

        Assert.Equal((false, true, true), (download.IsSaved, download.IsContentHere, download.IsCheckpoint));
        Assert.True(download.Save(cancellationToken: Token).WasThere);
        Assert.Equal(0, Fetched);
        Assert.NotNull(Store.ReadOrigin("name"));
    }

    [Fact]
    public void Offline_a_model_that_is_here_is_given()
    {
        Hub.Files[Model] = TinyCheckpoint.Bytes();
        string folder = Save(Wanted).Folder;
        int before = Hub.Requests.Count;

        Assert.Equal(folder, Save(Wanted, Settings(isOffline: true)).Folder);
        Assert.Equal(folder, Save(Wanted with { File = Model, Name = "name", Revision = FakeHub.Commit }, Settings(isOffline: true)).Folder);
        Assert.Throws<DownloadException>(() => Save(Wanted with { Revision = "v2" }, Settings(isOffline: true)));
        Assert.Throws<DownloadException>(() => Save(Wanted with { File = "other.ckpt", Name = "name" }, Settings(isOffline: true)));
        Assert.Throws<DownloadException>(() => Save(Wanted with { Id = "other/name" }, Settings(isOffline: true)));
        Assert.Equal(before, Hub.Requests.Count);
    }

    [Fact]
    public void A_checkpoint_that_lacks_weights_or_is_no_file_of_tensors_is_refused_and_nothing_is_kept()
    {
        foreach (byte[] damaged in (byte[][])[TinyCheckpoint.Only(static name => !name.EndsWith("time_embed.0.weight", StringComparison.Ordinal)), Text("<html>"), TinyCheckpoint.Bytes()[..^10]])
        {
            Hub.Files[Model] = damaged;
            string message = Assert.Throws<ModelInvalidException>(() => Save(Wanted)).Message;
            Assert.StartsWith($"'{Model}' of 'owner/name' cannot be imported: ", message, StringComparison.Ordinal);
            AssertNothingIsKept();
        }
    }

    [Fact]
    public void A_checkpoint_that_would_run_code_is_refused_and_nothing_is_kept()
    {
        TorchWriter writer = new();
        Hub.Files["model.ckpt"] = writer.Archive(new PickledCall(new PickledName("os", "system"), "true"));
        Assert.Throws<UnsafeFileException>(() => Save(Wanted));
        AssertNothingIsKept();
    }

    [Fact]
    public void An_import_that_is_stopped_leaves_no_model_and_the_file_for_the_next_time()
    {
        Hub.Files[Model] = TinyCheckpoint.Bytes();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        HubDownload download = HubDownload.Plan(Wanted, Settings(), cancellationToken: Token);
        Assert.ThrowsAny<OperationCanceledException>(() => download.Save(
            importProgress: progress =>
            {
                if (progress.Activity.StartsWith("Writing", StringComparison.Ordinal))
                    stop.Cancel();
            },
            cancellationToken: stop.Token));
        Assert.Empty(FilesIn("models"));
        Assert.Contains(FilesIn("downloads"), path => path.EndsWith("/files/" + Model, StringComparison.Ordinal));

        Assert.True(Save(Wanted).IsModel);
        Assert.Equal(1, Fetched);
        Assert.All(FilesIn("downloads"), path => Assert.EndsWith(".lock", path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_name_that_is_taken_is_refused_without_force()
    {
        Hub.Files[Model] = TinyCheckpoint.Bytes();
        Directory.CreateDirectory(Folder["models", "name"]);
        File.WriteAllText(Folder["models", "name", "model_index.json"], "{}");
        Assert.Equal(Folder["models", "name"], Assert.Throws<OutputExistsException>(() => Save(Wanted)).Path);

        string old = Save(Wanted with { Force = true }).Folder;
        Assert.False(Directory.Exists(Folder["models", "name"]));

        Hub.Files[Model] = TinyCheckpoint.Only(static name => !name.Contains("position_ids", StringComparison.Ordinal));
        Assert.Equal(old, Assert.Throws<OutputExistsException>(() => Save(Wanted)).Path);
        string replaced = Save(Wanted with { Force = true }).Folder;
        Assert.NotEqual(old, replaced);
        Assert.Equal(replaced, Assert.Single(Contents));

        // And files in the place of an imported model.
        Assert.Throws<OutputExistsException>(() => Save());
        Assert.Equal(Folder["models", "name"], Save(Request with { Force = true }).Folder);
        Assert.Empty(Store.Names);
        Assert.Empty(Contents);
    }

    [Theory]
    [InlineData("a LoRA")]
    [InlineData("an autoencoder (VAE) alone")]
    [InlineData("does not contain an autoencoder")]
    public void A_file_that_is_no_model_by_itself_stays_a_file_with_a_remark(string expected)
    {
        LoraTensors lora = new();
        lora.Add("lora_unet_mid_block.lora_down.weight", 4, 8);
        Hub.Files[Model] = expected switch
        {
            "a LoRA" => File.ReadAllBytes(lora.Save(Folder)),
            "does not contain an autoencoder" => TinyCheckpoint.Only(static name => !name.StartsWith("first_stage_model.", StringComparison.Ordinal)),
            _ => TinyCheckpoint.Only(static name => name.StartsWith("first_stage_model.", StringComparison.Ordinal)),
        };

        SavedModel saved = Save(Wanted);
        Assert.Equal((Folder["models", "name"], false), (saved.Folder, saved.IsModel));
        Assert.Equal([Model], saved.Files);
        Assert.Contains(expected, saved.Remark, StringComparison.Ordinal);
        Assert.StartsWith($"'{Folder["models", "name", Model]}' ", saved.Remark, StringComparison.Ordinal);
        Assert.Equal([ModelManifest.FileName, Model], FilesIn("models", "name"));

        SavedModel second = Save(Wanted);
        Assert.Equal((true, null), (second.WasThere, second.Remark));
        Assert.Equal(1, Fetched);
    }

    [Fact]
    public void What_is_included_by_name_stays_a_file()
    {
        Hub.Files[Model] = TinyCheckpoint.Bytes();
        SavedModel saved = Save();
        Assert.Equal((Folder["models", "name"], false, null), (saved.Folder, saved.IsModel, saved.Remark));
        Assert.Equal(Hub.Files[Model], File.ReadAllBytes(Folder["models", "name", Model]));
    }

    private void AssertNothingIsKept()
    {
        Assert.Empty(FilesIn("models"));
        Assert.All(FilesIn("downloads"), path => Assert.EndsWith(".lock", path, StringComparison.Ordinal));
    }

    private void AddTinyFolder()
    {
        string source = FamilyReference.Find("sd1-diffusers");
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
            Hub.Files[Path.GetRelativePath(source, file).Replace('\\', '/')] = File.ReadAllBytes(file);
    }

    /// <summary>Weights that are numbers, but so large that the results are not.</summary>
    private byte[] Overflowing(byte[] weights)
    {
        string path = Folder["weights.safetensors"];
        File.WriteAllBytes(path, weights);
        SafetensorsWriter.Change(path, static tensors =>
        {
            foreach (StableDiffusion.Tensors.Tensor tensor in tensors.Values)
                tensor.Values.AsSpan().Fill(1e30f);
        });
        return File.ReadAllBytes(path);
    }
}
