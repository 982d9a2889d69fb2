using System.Text.Json.Nodes;
using StableDiffusion.Denoising;
using StableDiffusion.Fuzz;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Denoising;

/// <summary>The files of latents: what they keep, and what is refused.</summary>
public sealed class LatentFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_latent_of_an_image_keeps_all_that_belongs_to_it()
    {
        TorchRandom noise = new(3);
        noise.Normal(new float[32]);
        Latent latent = new(Filled(1, 4, 2, 3), new GenerationInfo { Seed = 3, Width = 24, Height = 16, ResizeMode = "Crop", Model = "demo" })
        {
            Maker = new ModelMark("demo", "0123456789"),
            Noise = noise,
            SourcePixels = Filled(1, 3, 16, 24),
            SourceMean = Filled(1, 4, 2, 3),
        };

        string path = LatentFile.Write(latent, _folder["x.safetensors"]);
        Latent read = Assert.Single(LatentFile.Read(path));

        Assert.Equal((latent.Info, latent.Maker, 0, 0, path, path), (read.Info, read.Maker, read.Step, read.StepCount, read.Path, latent.Path));
        Assert.Equal(
            [latent.Tensor.Values, latent.SourcePixels.Values, latent.SourceMean.Values],
            [read.Tensor.Values, read.SourcePixels!.Values, read.SourceMean!.Values]);
        Assert.Equal(Drawn(noise), Drawn(read.Noise!));
        Assert.Null(read.State);
    }

    [Fact]
    public void A_finished_latent_keeps_its_steps_and_one_without_a_record_has_none()
    {
        Latent finished = ClosedFormRun.Continue(Begun());
        Latent read = LatentFile.FromBytes(LatentFile.ToBytes(finished));
        Assert.Equal((6, 6, true, null), (read.Step, read.StepCount, read.IsComplete, read.State));

        Assert.Equal(new GenerationInfo(), LatentFile.FromBytes(LatentFile.ToBytes(new Latent(Filled(1, 4, 2, 3), new GenerationInfo()))).Info);
    }

    [Fact]
    public void A_file_is_replaced_only_if_that_is_asked_for()
    {
        Latent latent = ClosedFormRun.Continue(Begun());
        string path = LatentFile.Write(latent, _folder["x.safetensors"]);
        byte[] before = File.ReadAllBytes(path);

        Assert.Throws<OutputExistsException>(() => LatentFile.Write(Begun(), path));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal(_folder["x-2.safetensors"], LatentFile.WriteNumbered(latent, path));
        LatentFile.Write(latent, path, overwrite: true);
        Assert.Equal("Path", Assert.Throws<InvalidSettingException>(() => LatentFile.Write(latent, _folder["x.latent"])).Setting);
        Assert.Equal(2, Directory.GetFiles(_folder.Path).Length);
    }

    [Fact]
    public void What_cannot_be_read_back_is_not_written()
    {
        Latent broken = new(Filled(1, 4, 2, 3), new GenerationInfo());
        broken.Tensor.Values[3] = float.NaN;
        Assert.Throws<NotFiniteException>(() => LatentFile.Write(broken, _folder["x.safetensors"]));
        Assert.Throws<InvalidSettingException>(() => LatentFile.Write(new Latent(Filled(1, 4, 2, 3), new GenerationInfo { Steps = -1 }), _folder["x.safetensors"]));
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_path_is_reduced_to_its_name_in_a_file_but_kept_within_the_program()
    {
        Latent latent = new(Filled(1, 4, 2, 3), new GenerationInfo
        {
            Model = "/models/my-model.safetensors",
            Vae = @"C:\vaes\tiny.safetensors",
            Lora = """["/loras/style.safetensors:0.8"]""",
            ControlNets = [new ControlNetInfo { Name = @"\\host\share\net", Image = "/control.png", Preprocessor = "None", Scale = 1, Start = 0, End = 1 }],
        });
        List<string> warnings = [];

        Latent read = Assert.Single(LatentFile.Read(LatentFile.Write(latent, _folder["x.safetensors"]), warning: warnings.Add));

        Assert.Equal("tiny.safetensors", read.Vae);
        Assert.Equal(("my-model.safetensors", "style:0.8", "net", null), (read.Model, Assert.Single(read.Lora!), Assert.Single(read.ControlNet!), read.ControlImage));
        Assert.Contains("control.png", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal(latent.Model, LatentFile.FromBytes(LatentFile.ToBytes(latent)).Model);
    }

    [Fact]
    public void For_a_model_of_another_name_the_latent_stays_the_same()
    {
        Latent latent = LatentFile.FromBytes(LatentFile.ToBytes(ClosedFormRun.Continue(Begun(), 2)));
        Latent renamed = latent.ForModel("/elsewhere");

        Assert.Equal(("/elsewhere", latent.Info, 2, 6), (renamed.Model, renamed.Info with { Model = latent.Model }, renamed.Step, renamed.StepCount));
        Assert.Equal(ClosedFormRun.Continue(latent).Tensor.Values, ClosedFormRun.Continue(renamed).Tensor.Values);
    }

    [Theory]
    [InlineData("[1,4,2,3]", false, 1, 0.13 / 0.18215)]
    [InlineData("[1,4,2,3]", true, 1, 0.13)]
    [InlineData("[3,4,2,3]", true, 3, 0.13)]
    public void Latents_of_ComfyUI_are_scaled_for_the_model(string shape, bool isUnscaled, int count, double factor)
    {
        Tensor values = Filled([.. JsonNode.Parse(shape)!.AsArray().Select(side => (int)side!)]);
        Dictionary<string, Tensor> tensors = new() { ["latent_tensor"] = values };
        if (isUnscaled)
            tensors.Add("latent_format_version_0", new Tensor(0));
        SafetensorsWriter.Write(_folder["x.latent"], tensors, new Dictionary<string, string> { ["prompt"] = "{}" });

        IReadOnlyList<Latent> read = LatentFile.Read(_folder["x.latent"], static () => new LatentSpace("xl", 4, 8, 0.13f));

        Assert.Equal(count, read.Count);
        Assert.Equal(new GenerationInfo { Width = 24, Height = 16, Model = "xl" }, read[^1].Info);
        Assert.Equal((0, 0, _folder["x.latent"]), (read[0].Step, read[0].StepCount, read[0].Path));
        for (int i = 0; i < values.Length; i++)
            Assert.Equal(values.Values[i] * factor, read[i / 24].Tensor.Values[i % 24], 1e-6);
    }

    [Fact]
    public void Latents_of_ComfyUI_of_another_family_or_without_a_model_are_refused()
    {
        SafetensorsWriter.Write(_folder["x.latent"], new Dictionary<string, Tensor> { ["latent_tensor"] = Filled(1, 16, 2, 3) });
        SafetensorsWriter.Write(_folder["5d.latent"], new Dictionary<string, Tensor> { ["latent_tensor"] = Filled(1, 4, 1, 2, 3) });
        SafetensorsWriter.Write(_folder["huge.latent"], new Dictionary<string, Tensor> { ["latent_tensor"] = new Tensor(1, 4, 1, 2000) });

        Assert.Contains("16 channels", Refused("x.latent", s_space).Message, StringComparison.Ordinal);
        Assert.Contains("[1,4,1,2,3]", Refused("5d.latent", s_space).Message, StringComparison.Ordinal);
        Assert.Contains("8192", Refused("huge.latent", s_space).Message, StringComparison.Ordinal);
        Assert.Contains("ComfyUI", Refused("x.latent", space: null).Message, StringComparison.Ordinal);
        Assert.Throws<ModelNotFoundException>(() => LatentFile.Read(_folder["x.latent"], static () => throw new ModelNotFoundException("none")));
    }

    [Theory]
    [InlineData("latent", "Stopped/Scheduler/ClassName", "\"NoScheduler\"")]
    [InlineData("latent", "Stopped/Scheduler/ClassName", "\"DDIMScheduler\"")]
    [InlineData("latent", "Stopped/Scheduler/Options", "\"{\\\"no_option\\\":1}\"")]
    [InlineData("latent", "Stopped/Scheduler/Options", "\"nothing\"")]
    [InlineData("latent", "Stopped/Scheduler/Steps", "7")]
    [InlineData("latent", "Stopped/Scheduler/Steps", "100000")]
    [InlineData("latent", "Stopped/NextCall", "6")]
    [InlineData("latent", "Stopped/NextCall", "2")]
    [InlineData("latent", "Stopped/OriginCall", "-1")]
    [InlineData("latent", "Stopped/OriginCall", "3")]
    [InlineData("latent", "Steps", "3000")]
    [InlineData("latent", "Surprise", "1")]
    [InlineData("record", "Steps", "7")]
    [InlineData("record", "Steps", "null")]
    [InlineData("record", "Seed", "null")]
    [InlineData("record", "Seed", "-4")]
    [InlineData("record", "Scheduler", "\"DDIM\"")]
    [InlineData("record", "RandomSource", "\"Cuda\"")]
    [InlineData("record", "RandomSource", "\"Dice\"")]
    [InlineData("record", "BatchSize", "2")]
    [InlineData("record", "ControlNets", "[null]")]
    [InlineData("record", "Width", "1000000")]
    [InlineData("record", "Width", "25")]
    [InlineData("record", "Height", "32")]
    [InlineData("state", "scheduler.pushed", "5")]
    [InlineData("state", "scheduler.pushed", "-1")]
    [InlineData("state", "scheduler.pushed", "1e5")]
    [InlineData("state", "noise.position", "625")]
    [InlineData("state", "noise.words", "\"AAAA\"")]
    [InlineData("state", "noise.words", "7")]
    [InlineData("state", "noise.kept", "\"a\"")]
    [InlineData("state", "noise.more", "1")]
    [InlineData("state", "format_version", "2")]
    public void A_file_that_contradicts_itself_is_refused(string text, string member, string value)
    {
        string path = Changed((_, texts) =>
        {
            JsonNode root = JsonNode.Parse(texts[text])!;
            JsonNode node = root;
            string[] names = member.Split('/');
            foreach (string name in names[..^1])
                node = node[name]!;
            node[names[^1]] = JsonNode.Parse(value);
            texts[text] = root.ToJsonString();
        });

        Assert.Contains(path, Assert.Throws<LatentInvalidException>(() => LatentFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_that_are_missing_strange_or_of_another_size_are_refused()
    {
        AssertRefused(tensors => tensors.Remove("latent"));
        AssertRefused(tensors => tensors["latent"] = Filled(1, 4, 6));
        AssertRefused(tensors => tensors["latent"] = Filled(2, 4, 2, 3));
        AssertRefused(tensors => tensors["latent"].Values[5] = float.NaN);
        AssertRefused(tensors => tensors["latent"] = Filled(1, 4, 3, 2));
        AssertRefused(tensors => tensors.Remove("scheduler.history.1"));
        AssertRefused(tensors => tensors["scheduler.history.0"] = Filled(23));
        AssertRefused(tensors => tensors["scheduler.history.0"].Values[0] = float.PositiveInfinity);
        AssertRefused(tensors => tensors["scheduler.history.9"] = Filled(24));
        AssertRefused(tensors => tensors["scheduler.scratch.0"] = Filled(4, 6));
        AssertRefused(tensors => tensors.Remove("inpainting.mask"));
        AssertRefused(tensors => tensors["inpainting.mask"] = Filled(1, 4, 2, 3));
        AssertRefused(tensors => tensors["inpainting.noise"] = Filled(1, 4, 2, 4));
        AssertRefused(tensors => tensors["added_channels"] = Filled(1, 5, 2, 4));
        AssertRefused(tensors => tensors["added_channels"] = Filled(1, 300, 2, 3));
        AssertRefused(tensors => tensors["source.pixels"] = Filled(1, 3, 8, 8));
        AssertRefused(tensors => tensors["source.mean"] = Filled(1, 4, 2, 2));
        AssertRefused(tensors => tensors["surprise"] = Filled(1));

        void AssertRefused(Action<Dictionary<string, Tensor>> change)
        {
            string path = Changed((tensors, _) => change(tensors));
            Assert.Contains(path, Assert.Throws<LatentInvalidException>(() => LatentFile.Read(path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Other_files_are_refused()
    {
        File.WriteAllText(_folder["text.safetensors"], "hello");
        SafetensorsWriter.Write(_folder["lora.safetensors"], new Dictionary<string, Tensor> { ["lora_unet"] = Filled(3) });
        File.WriteAllBytes(_folder["short.safetensors"], File.ReadAllBytes(Changed(static (_, _) => { }))[..^1]);

        Assert.Contains("text.safetensors", Refused("text.safetensors", s_space).Message, StringComparison.Ordinal);
        Assert.Contains("no latent", Refused("lora.safetensors", s_space).Message, StringComparison.Ordinal);
        Assert.Contains("short.safetensors", Refused("short.safetensors", s_space).Message, StringComparison.Ordinal);
        Assert.Contains("no file", Refused("none.safetensors", s_space).Message, StringComparison.Ordinal);
        Assert.Contains("folder", Refused(".", s_space).Message, StringComparison.Ordinal);
        Assert.Throws<LatentInvalidException>(() => LatentFile.FromBytes([]));
        Assert.Throws<LatentInvalidException>(() => LatentFile.FromBytes(new byte[100]));
    }

    [Theory]
    [InlineData("latent")]
    [InlineData("text-embedding")]
    public void Of_five_hundred_damaged_files_each_is_refused_by_name_or_good(string target) => Assert.Empty(FuzzTargets.Run(target, seed: 14, count: 500));

    private static readonly Func<LatentSpace> s_space = static () => new LatentSpace("model", 4, 8, 0.18215f);

    private static Latent Begun() => ClosedFormRun.Begin(new() { Seed = 5, Steps = 6, Scheduler = "DPM++ 2M SDE Karras", Model = "demo" }, [1, 4, 2, 3]);

    private static float[] Drawn(INoiseSource source)
    {
        float[] values = new float[20];
        source.Clone().Fill(values, 0, 0);
        return values;
    }

    private static Tensor Filled(params int[] shape)
    {
        Tensor tensor = new(shape);
        new PhiloxRandom(8).Normal(tensor.Span);
        return tensor;
    }

    private LatentInvalidException Refused(string name, Func<LatentSpace>? space) => Assert.Throws<LatentInvalidException>(() => LatentFile.Read(_folder[name], space));

    /// <summary>Writes the file of a denoising that was stopped, of a part of an image, with changes.</summary>
    private string Changed(Action<Dictionary<string, Tensor>, Dictionary<string, string>> change)
    {
        GenerationInfo info = new() { Seed = 5, Steps = 6, Scheduler = "DPM++ 2M SDE Karras", Model = "demo" };
        string path = LatentFile.Write(ClosedFormRun.Continue(ClosedFormRun.Begin(info, [1, 4, 2, 3], strength: 0.7, isMasked: true), 2), _folder["changed.safetensors"], overwrite: true);
        Dictionary<string, Tensor> tensors;
        Dictionary<string, string> texts;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            tensors = file.Tensors.Keys.ToDictionary(static name => name, file.Read);
            texts = file.Metadata.ToDictionary();
        }

        change(tensors, texts);
        SafetensorsWriter.Write(path, tensors, texts);
        return path;
    }
}
