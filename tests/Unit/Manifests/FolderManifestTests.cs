using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Manifests;
using StableDiffusion.Metadata;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Tests.Replaying;

namespace StableDiffusion.Tests.Manifests;

/// <summary>A folder of images is made again from its manifest.</summary>
public sealed class FolderManifestTests : CompositionCase
{
    private const int Compositions = 40;

    private string Images => Folder["images"];

    [Fact]
    public void A_folder_of_compositions_is_restored_to_equal_bytes()
    {
        string[] files = WriteStore();
        Directory.CreateDirectory(Images);
        for (int number = 0; number < Compositions; number++)
        {
            Composer composer = new(Library, files, number, Token);
            ImageFile.Write(composer.Compose(), Path.Combine(Images, $"{number:00}.{(number % 10) switch { 0 => "jpg", 1 => "webp", _ => "png" }}"), new ImageWriteOptions { Quality = number % 20 < 10 ? ImageWriteOptions.DefaultQuality : 60 }, cancellationToken: TestContext.Current.CancellationToken);
        }

        FolderManifest manifest = Export();
        Assert.Equal(Compositions, manifest.Images.Count);
        Assert.All(manifest.Images, static image => Assert.Equal(Reproducibility.Exact, image.Reproducibility));
        Assert.Contains(manifest.Parts, static part => part is { Kind: "Model", Name: "other", Hash: not null });
        Assert.Contains(manifest.Parts, static part => part is { Kind: "Lora", Name: "style", Hash: not null });
        Assert.Contains(manifest.Parts, static part => part is { Kind: "ControlNet", Name: "net", Hash: not null });

        Directory.Delete(Images, recursive: true);
        ManifestReplay replay = new(manifest, Images, Library, Use);
        foreach (string file in files)
            replay.Add(ImageFile.Read(file), ImageFile.LoadMask(file, Token));

        foreach (ManifestImage image in manifest.Images)
        {
            Assert.Equal(ManifestFileState.Missing, image.Compare(Images, Token));
            Assert.Empty(replay.Check(image, Token));
            RemadeImage made = replay.Make(image, Token);
            Assert.True(made.IsEqual && made.HasEqualBytes, image.Name);
            made.Write(Images, overwrite: false);
            Assert.Equal(ManifestFileState.Equal, image.Compare(Images, Token));
        }

        Assert.DoesNotContain(Folder[""], File.ReadAllText(Folder["manifest.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_others_began_with_is_made_first()
    {
        string first = Write("first.png", new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 2 });
        Write("a second.png", new DenoiseOptions { Prompt = "a blue house", Seed = 2, Steps = 3, Strength = 0.7 }, first);
        FolderManifest manifest = Export();
        Directory.Delete(Images, recursive: true);

        ManifestReplay replay = new(manifest, Images, Library, Use);
        ManifestImage second = manifest.Images[0];
        Assert.Equal(["first.png", "a second.png"], replay.Order(manifest.Images, Token).Select(static image => image.Name));
        Assert.Empty(replay.Check(second, Token));
        Assert.False(Path.Exists(Images));
        Assert.True(replay.Make(second, Token).HasEqualBytes);
    }

    [Fact]
    public void Images_that_began_with_each_other_are_refused()
    {
        string first = Write("first.png", new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 2 });
        Write("second.png", new DenoiseOptions { Prompt = "a blue house", Seed = 2, Steps = 3, Strength = 0.7 }, first);
        FolderManifest manifest = Export();
        string json = File.ReadAllText(manifest.Path);
        ManifestImage one = manifest.Images[0], two = manifest.Images[1];

        // The second image is said to be the one that it began with itself.
        File.WriteAllText(manifest.Path, json.Replace(one.PixelHash, new string('0', one.PixelHash.Length), StringComparison.Ordinal).Replace(two.PixelHash, one.PixelHash, StringComparison.Ordinal));
        Directory.Delete(Images, recursive: true);
        FolderManifest circular = FolderManifest.Read(manifest.Path);
        Assert.Throws<NotRepeatableException>(() => new ManifestReplay(circular, Images, Library, Use).Make(circular.Images[1], Token));
    }

    /// <summary>A row of images each of which began with the next, as a stranger can write it: too long to be followed by calls within calls.</summary>
    [Fact]
    public void A_long_row_of_images_is_checked_and_refused()
    {
        const int Count = 20_000;
        ManifestReplay replay = new(Manifest(Enumerable.Range(0, Count).Select(static i => (Pixels: i, Beginnings: (int[])[i + 1]))), Images, Library, Use);
        IReadOnlyList<ManifestImage> ordered = replay.Order(_images, Token);

        Assert.Equal(_images.Reverse(), ordered);
        Assert.Throws<NotRepeatableException>(() => replay.Check(_images[0], Token));
        Assert.Throws<NotRepeatableException>(() => replay.Make(_images[0], Token));
    }

    /// <summary>Each of 40 images began with two others, and both of these with the same two: a trillion ways lead to the last one.</summary>
    [Fact]
    public void Each_image_is_looked_at_once_however_many_began_with_it()
    {
        const int Levels = 40;
        Write("last.png", new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 1 });
        ManifestImage last = FolderManifest.Describe(Images, "last.png", Token);
        ManifestReplay replay = new(
            Manifest(Enumerable.Range(0, 2 * Levels).Select(static i => (Pixels: i, Beginnings: i < (2 * Levels) - 2 ? (int[])[(i / 2 * 2) + 2, (i / 2 * 2) + 3] : [-1])), last), Images, Library, Use);

        Assert.Empty(replay.Check(_images[0], Token));
    }

    [Fact]
    public void Images_with_the_same_pixels_are_looked_for_once()
    {
        const int Count = 5_000;
        ManifestReplay replay = new(Manifest(Enumerable.Repeat((Pixels: 1, Beginnings: (int[])[2]), Count).Append((0, [.. Enumerable.Repeat(1, 19_000)]))), Images, Library, Use);
        Assert.Throws<NotRepeatableException>(() => replay.Check(_images[^1], Token));

        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => replay.Check(_images[^1], cancelled.Token));
    }

    [Fact]
    public void An_image_that_a_script_changed_is_one_to_begin_with()
    {
        Directory.CreateDirectory(Images);
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        DiffusionImage changed = new TextToImage(new TextToImageRequest { Options = new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 1 } }).Make(pipeline, 0, cancellationToken: Token);
        changed.Pixels[7] ^= 255;
        TextToImage job = new(new TextToImageRequest { Options = new DenoiseOptions { Prompt = "a blue house", Seed = 2, Steps = 3, Strength = 0.7 }, Start = StartImage.Fit(changed, mask: null, width: null, height: null, ResizeMode.None, factor: 8) });
        ImageFile.Write(job.Make(pipeline, 0, cancellationToken: Token), Path.Combine(Images, "a.png"), cancellationToken: TestContext.Current.CancellationToken);
        FolderManifest manifest = Export();

        ManifestReplay replay = new(manifest, Images, Library, Use);
        Assert.Throws<NotRepeatableException>(() => replay.Check(manifest.Images[0], Token));
        ImageFile.Write(changed, Folder["changed.png"], cancellationToken: TestContext.Current.CancellationToken);
        replay.Add(ImageFile.Read(Folder["changed.png"]), ImageFile.LoadMask(Folder["changed.png"], Token));
        Assert.Empty(replay.Check(manifest.Images[0], Token));
        Assert.True(replay.Make(manifest.Images[0], Token).HasEqualBytes);
    }

    [Fact]
    public void What_has_become_of_each_file_is_said()
    {
        string[] names = ["equal.png", "pixels.png", "changed.png", "text.png", "missing.png"];
        foreach ((int seed, string name) in names.Index())
            Write(name, new DenoiseOptions { Prompt = "a red house", Seed = seed, Steps = 1 });
        FolderManifest manifest = Export();

        ImageFile.Write(ImageFile.Read(Path.Combine(Images, "pixels.png")), Path.Combine(Images, "pixels.png"), new ImageWriteOptions { Overwrite = true, Metadata = false }, cancellationToken: TestContext.Current.CancellationToken);
        File.Copy(Path.Combine(Images, "equal.png"), Path.Combine(Images, "changed.png"), overwrite: true);
        File.WriteAllText(Path.Combine(Images, "text.png"), "no image");
        File.Delete(Path.Combine(Images, "missing.png"));

        Dictionary<string, ManifestFileState> states = manifest.Images.ToDictionary(static image => image.Name, image => image.Compare(Images, Token));
        Assert.Equal(
            [ManifestFileState.Equal, ManifestFileState.EqualPixels, ManifestFileState.Changed, ManifestFileState.Unreadable, ManifestFileState.Missing],
            names.Select(name => states[name]));
    }

    [Fact]
    public void Another_number_of_threads_is_named_with_the_remedy()
    {
        Write("a.png", new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 2 });
        FolderManifest manifest = Export();
        File.WriteAllText(manifest.Path, File.ReadAllText(manifest.Path).Replace($"\"Threads\":{StageMaker.Cpu.Threads}", "\"Threads\":64", StringComparison.Ordinal).Replace("\"Seed\":1", "\"Seed\":2", StringComparison.Ordinal));
        FolderManifest changed = FolderManifest.Read(manifest.Path);

        ManifestImage image = Assert.Single(changed.Images);
        Assert.Equal(Reproducibility.Device, image.Reproducibility);
        ManifestTestReport report = new ManifestReplay(changed, Images, Library, Use).Test(image, remakes: true, Token);
        Assert.EndsWith($", 64 threads, and now with {StageMaker.Cpu}. Set STABLEDIFFUSION_THREADS to 64 to make it with as many threads.", report.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_comes_out_differently_is_explained()
    {
        Write("a.png", new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 2 });
        FolderManifest manifest = Export();
        string json = File.ReadAllText(manifest.Path);
        File.WriteAllText(manifest.Path, json.Replace(StageMaker.Cpu.Device!, "Cpu of old", StringComparison.Ordinal).Replace("\"Seed\":1", "\"Seed\":2", StringComparison.Ordinal));
        FolderManifest changed = FolderManifest.Read(manifest.Path);

        ManifestImage image = Assert.Single(changed.Images);
        Assert.Equal(Reproducibility.Device, image.Reproducibility);
        ManifestTestReport report = new ManifestReplay(changed, Images, Library, Use).Test(image, remakes: true, Token);
        Assert.Equal((ManifestFileState.Equal, RemakeState.Different, true), (report.FileState, report.Remade, report.IsValid));
        Assert.Contains("Cpu of old", report.Reason, StringComparison.Ordinal);
        Assert.NotNull(report.Comparison);
    }

    [Fact]
    public void A_link_that_leads_out_of_the_folder_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege on Windows.");
        Directory.CreateDirectory(Folder["elsewhere"]);
        Directory.CreateDirectory(Path.Combine(Images, "sub"));
        Write("sub/a.png", new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 1 });
        FolderManifest manifest = Export(recurses: true);
        Directory.Delete(Path.Combine(Images, "sub"), recursive: true);
        Directory.CreateSymbolicLink(Path.Combine(Images, "sub"), Folder["elsewhere"]);

        ManifestReplay replay = new(manifest, Images, Library, Use);
        RemadeImage made = replay.Make(Assert.Single(manifest.Images), Token);
        Assert.Throws<OutputWriteException>(() => made.Write(Images, overwrite: true));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder["elsewhere"]));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"manifest\":\"StableDiffusion\",\"version\":2,\"images\":[],\"parts\":[]}")]
    [InlineData("{\"manifest\":\"StableDiffusion\",\"version\":1}")]
    [InlineData("{\"manifest\":\"StableDiffusion\",\"version\":1,\"images\":[3],\"parts\":[]}")]
    [InlineData("{\"manifest\":\"StableDiffusion\",\"version\":1,\"images\":[{\"name\":\"a.png\"}],\"parts\":[]}")]
    [InlineData("not JSON")]
    public void What_is_not_a_manifest_is_refused(string text)
    {
        File.WriteAllText(Folder["manifest.json"], text);
        Assert.Contains("manifest.json", Assert.Throws<ManifestInvalidException>(() => FolderManifest.Read(Folder["manifest.json"])).Message, StringComparison.Ordinal);
        Assert.Throws<ManifestInvalidException>(() => FolderManifest.Read(Folder["missing.json"]));
    }

    [Theory]
    [InlineData("../a.png")]
    [InlineData("/a.png")]
    [InlineData("a.exe")]
    [InlineData("C:a.png")]
    [InlineData("a.png/../../b.png")]
    [InlineData(".ssh/a.png")]
    [InlineData("\u200b.png")]
    [InlineData("\u202egnp.png")]
    [InlineData("a\u0085.png")]
    [InlineData("d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/a.png")]
    public void A_name_outside_the_folder_is_refused(string name)
    {
        Write("a.png", new DenoiseOptions { Prompt = "a red house", Seed = 1, Steps = 1 });
        FolderManifest manifest = Export();
        File.WriteAllText(manifest.Path, File.ReadAllText(manifest.Path).Replace("\"name\": \"a.png\"", $"\"name\": \"{name}\"", StringComparison.Ordinal));
        Assert.Throws<ManifestInvalidException>(() => FolderManifest.Read(manifest.Path));
    }

    private ManifestImage[] _images = [];

    /// <summary>A manifest of images whose files are missing, each a sheet of others; -1 stands for the last image.</summary>
    private FolderManifest Manifest(IEnumerable<(int Pixels, int[] Beginnings)> images, ManifestImage? last = null)
    {
        _images = [.. images.Select((image, i) =>
        {
            StageList[] inputs = [.. image.Beginnings.Select(pixels => new StageList().Append(StageOperation.ReadImage, pixels < 0 ? last!.PixelHash[..StageList.HashLength] : HashOf(pixels)[..StageList.HashLength], ("Path", "x.png")))];
            GenerationInfo info = new() { Stages = new StageList(new GenerationStage { Operation = StageOperation.Join, Inputs = new Dictionary<string, IReadOnlyList<StageList>> { ["Image"] = inputs } }) };
            return new ManifestImage(info, info) { Name = $"{i}.png", Length = 1, FileHash = HashOf(0), PixelHash = HashOf(image.Pixels), Width = 1, Height = 1 };
        })];
        return new FolderManifest(last is null ? _images : [.. _images, last], [], StageMaker.Cpu);

        // The digits that tell hashes apart come first.
        static string HashOf(int pixels) => $"{pixels:x8}".PadRight(64, '0');
    }

    private FolderManifest Export(bool recurses = false)
    {
        FolderManifest manifest = FolderManifest.Of(FolderManifest.FindImages(Images, recurses).Select(name => FolderManifest.Describe(Images, name, Token)), Library, Token);
        manifest.Write(Folder["manifest.json"], overwrite: false);
        FolderManifest read = FolderManifest.Read(Folder["manifest.json"]);
        Assert.Equal(ManifestJson.Format(manifest), ManifestJson.Format(read));
        return read;
    }

    private string Write(string name, DenoiseOptions options, string? start = null)
    {
        Directory.CreateDirectory(Images);
        using ModelLease lease = Library.Open("demo", Device.Cpu);
        TextToImage job = new(new TextToImageRequest { Options = options, Start = start is null ? null : StartImage.Fit(ImageFile.Read(start), mask: null, width: null, height: null, ResizeMode.None, factor: 8) });
        return ImageFile.Write(job.Make(new DiffusionPipeline(lease.Model), 0, cancellationToken: Token), Path.Combine(Images, name));
    }
}
