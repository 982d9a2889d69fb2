using System.Text.Json;
using Google.Protobuf;
using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The cross-attention that a denoising keeps.</summary>
public sealed class AttentionTests(SharedModels models)
{
    private const string Prompt = "a red star and a blue heart on white";
    private const double RowTolerance = 1e-5;
    private const double ReferenceTolerance = 1e-4;

    private static readonly (string Name, int Red, int Green, int Blue)[] s_colors =
        [("red", 220, 40, 40), ("blue", 40, 80, 220), ("green", 40, 160, 70), ("yellow", 240, 210, 50), ("purple", 140, 60, 170), ("black", 20, 20, 20), ("white", 245, 245, 245)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(SharedModels.Demo), 11)]
    [InlineData(nameof(SharedModels.HalfDemo), 11)]
    [InlineData(nameof(SharedModels.IntegerDemo), 11)]
    [InlineData(nameof(SharedModels.Sd2), 0)]
    [InlineData(nameof(SharedModels.Inpainting), 0)]
    [InlineData(nameof(SharedModels.Large), 0)]
    public void The_latent_is_the_same_with_and_without(string kind, int layers)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Find(kind)));
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 3, Scheduler = "Heun", GuidanceScale = 3, Width = 72, Height = 64 };

        Latent plain = Denoise(pipeline, prompt, options), kept = Denoise(pipeline, prompt, options with { Attention = new AttentionOptions() });

        Assert.Equal(plain.Tensor.Values, kept.Tensor.Values);
        Assert.Equal(GenerationRecord.Write(plain.Info), GenerationRecord.Write(kept.Info));
        Assert.Null(plain.Attention);
        Assert.Equal([1, 2, 3], kept.Attention!.Steps);
        Assert.All(kept.Attention.Layers, static layer => Assert.Matches(@"^(down_blocks|mid_block|up_blocks)\..*transformer_blocks\.\d+$", layer));
        Assert.InRange(kept.Attention.Layers.Length, layers == 0 ? 1 : layers, layers == 0 ? 100 : layers);
        AssertSums(kept);
    }

    [Theory]
    [InlineData("current")]
    [InlineData("legacy")]
    public void The_graphs_of_other_exporters_have_it_too(string folder)
    {
        using ModelLease lease = ModelLibrary.Default.Open(Repository.Data("exports", folder), Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        TextEmbedding prompt = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 2, Width = 64, Height = 64 };

        Latent plain = Denoise(pipeline, prompt, options), kept = Denoise(pipeline, prompt, options with { Attention = new AttentionOptions() });

        Assert.Equal(plain.Tensor.Values, kept.Tensor.Values);
        Assert.All(kept.Attention!.Layers, static layer => Assert.Matches("^(down_blocks|mid_block|up_blocks)", layer));
        AssertSums(kept);
    }

    [Theory]
    [InlineData(nameof(SharedModels.Demo))]
    [InlineData(nameof(SharedModels.Sd2))]
    [InlineData(nameof(SharedModels.Large))]
    public void The_probabilities_are_those_that_the_network_itself_uses(string kind)
    {
        // The fused operator gives the values of the tokens, weighted by its probabilities.
        string path = Path.Combine(models.Find(kind), ModelParts.UNet, ModelParts.Graph);
        AttentionOutputs outputs = new();
        Dictionary<string, NodeProto> attentions = [];
        using OnnxSession session = OnnxSession.Open(path, Device.Cpu, change: Change, cancellationToken: Cancellation);
        Random random = new(7);
        (OnnxValueInfo, OnnxBuffer)[] inputs = [.. session.Inputs.Values.Select(info => (info, new OnnxBuffer(new Tensor([.. Enumerable.Range(0, Shape(info).Aggregate(static (a, b) => a * b)).Select(_ => (float)((random.NextDouble() * 4) - 2))], Shape(info)), info.ElementType)))];

        Assert.NotEmpty(outputs.Layers);
        foreach (AttentionLayer layer in outputs.Layers)
        {
            NodeProto node = attentions[layer.Query!];
            Tensor[] values = session.Run([.. node.Input.Take(3).Append(node.Output[0]).Select(name => session.Output(name))], Cancellation, inputs);
            LayerAttention attention = new(layer, [values[0], values[1]], path);
            int width = values[2].Shape[2], own = width / attention.Heads;
            double largest = values[3].Values.Max(Math.Abs);
            attention.ForEachRow((head, pixel, probabilities) =>
            {
                Assert.InRange(Math.Abs(probabilities.ToArray().Sum(static value => (double)value) - 1), 0, RowTolerance);
                for (int i = head * own; i < (head + 1) * own; i++)
                {
                    double sum = 0;
                    for (int token = 0; token < probabilities.Length; token++)
                        sum += probabilities[token] * values[2].Values[(token * width) + i];
                    Assert.InRange(Math.Abs(sum - values[3].Values[(pixel * width) + i]), 0, 1e-5 * (1 + largest));
                }
            });
        }

        void Change(ModelProto model)
        {
            outputs.Apply(model.Graph.Clone());
            foreach (NodeProto node in model.Graph.Node.Where(node => outputs.Layers.Any(layer => layer.Query == node.Input.FirstOrDefault())))
            {
                attentions.Add(node.Input[0], node);
                model.Graph.Output.Add(node.Input.Take(3).Append(node.Output[0]).Select(static name => new ValueInfoProto { Name = name }));
            }
        }

        static int[] Shape(OnnxValueInfo info) => [.. info.Dimensions.Select((length, axis) => length > 0 ? length : (info.Name, axis) switch
        {
            ("sample", > 1) => 8,
            ("encoder_hidden_states", 1) => 77,
            ("text_embeds", 1) => 128,
            ("time_ids", 1) => 6,
            _ => 1,
        })];
    }

    [Fact]
    public void The_maps_of_a_step_are_those_that_torch_computes()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("attention", "attention.json")));
        JsonElement reference = document.RootElement;
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding prompt = pipeline.EncodePrompt(reference.GetProperty("prompt").GetString()!, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = reference.GetProperty("seed").GetInt64(), Steps = reference.GetProperty("steps").GetInt32(), Scheduler = "DDIM", Attention = new AttentionOptions { Steps = [1] } };
        Latent latent = Denoise(pipeline, prompt, options);

        JsonElement[] maps = [.. reference.GetProperty("maps").EnumerateArray()];
        Assert.Equal(latent.Attention!.Layers.Length * 2, maps.Length);
        foreach (JsonElement map in maps)
        {
            AttentionMap own = Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = [map.GetProperty("token").GetString()!], Layers = [map.GetProperty("layer").GetString()!] }));
            Assert.Equal([map.GetProperty("position").GetInt32()], own.Positions);
            Assert.All(map.GetProperty("values").EnumerateArray().Zip(own.Values), static pair => Assert.InRange(Math.Abs(pair.First.GetDouble() - pair.Second), 0, ReferenceTolerance));
            Assert.Equal(map.GetProperty("values").GetArrayLength(), own.Values.Length);
        }
    }

    [Fact]
    public void Heads_are_kept_on_request_and_their_mean_is_what_is_kept_otherwise()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 2 };
        Latent mean = Denoise(pipeline, prompt, options with { Attention = new AttentionOptions { Layers = ["up_blocks.1.*"], Steps = [2] } });
        Latent heads = Denoise(pipeline, prompt, options with { Attention = new AttentionOptions { Layers = ["up_blocks.1.*"], Steps = [2], KeepsHeads = true } });

        Assert.Equal([2], heads.Attention!.Steps);
        Assert.Equal(3, heads.Attention.Layers.Length);
        AssertSums(heads);
        IReadOnlyList<AttentionMap> each = heads.FindAttention(new AttentionQuery { Tokens = ["heart"], ByHead = true });
        Assert.Equal([0, 1, 2, 3], each.Select(static map => map.Head!.Value));
        float[] expected = [.. Enumerable.Range(0, 64).Select(i => each.Average(map => map.Values[i]))];
        AssertNear(expected, Assert.Single(mean.FindAttention(new AttentionQuery { Tokens = ["heart"] })).Values);
        AssertNear(each[2].Values, Assert.Single(heads.FindAttention(new AttentionQuery { Tokens = ["heart"], Heads = [2] })).Values);
        Assert.NotEqual(each[0].Values, each[1].Values);

        Assert.Equal("Head", Assert.Throws<InvalidSettingException>(() => mean.FindAttention(new AttentionQuery { Heads = [0] })).Setting);
        Assert.Equal("Head", Assert.Throws<InvalidSettingException>(() => heads.FindAttention(new AttentionQuery { Heads = [4] })).Setting);
    }

    [Fact]
    public void Maps_are_means_of_steps_and_of_layers_that_are_enlarged()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        Latent latent = Denoise(pipeline, pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation), new DenoiseOptions { Seed = 3, Steps = 3, Width = 72, Height = 48, Attention = new AttentionOptions() });

        AttentionMap whole = Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = ["heart"] }));
        IReadOnlyList<AttentionMap> each = latent.FindAttention(new AttentionQuery { Tokens = ["heart"], ByStep = true, ByLayer = true });

        Assert.Equal((9, 6, 72, 48), (whole.Width, whole.Height, whole.ImageWidth, whole.ImageHeight));
        Assert.Equal(latent.Attention!.Layers, whole.Layers);
        Assert.Null(whole.Layer);
        Assert.Equal(3 * latent.Attention.Layers.Length, each.Count);
        Assert.Equal([(9, 6), (5, 3)], each.Select(static map => (map.Width, map.Height)).Distinct());
        double[] sum = new double[54];
        foreach (AttentionMap map in each)
        {
            float[] enlarged = LatentResize.Resize(new Tensor(map.Values, 1, 1, map.Height, map.Width), 6, 9, LatentResizeMode.Bilinear, antialias: false).Values;
            for (int i = 0; i < sum.Length; i++)
                sum[i] += enlarged[i] / each.Count;
        }

        AssertNear([.. sum.Select(static value => (float)value)], whole.Values);
        double mass = sum.Sum();
        Assert.Equal(sum.Select((value, i) => value * ((i % 9) + 0.5)).Sum() / mass / 9, whole.CenterX, 5);
        Assert.Equal(sum.Select((value, i) => value * ((i / 9) + 0.5)).Sum() / mass / 6, whole.CenterY, 5);
        Assert.Equal(mass / 54, whole.Mean, 6);
        Assert.Equal(each.Where(static map => map.Step == 2).Select(static map => map.Layer), latent.FindAttention(new AttentionQuery { Tokens = ["HEART"], Steps = [2], ByLayer = true }).Select(static map => map.Layer));
    }

    [Fact]
    public void Each_word_is_found_at_its_tokens_in_every_syntax()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));

        // A word of several tokens, one that comes twice, and words that follow each other.
        AssertPositions("a red dragon on a red house", PromptSyntax.Plain, ("red", [2, PositionOfSecondRed("a red dragon on a red house")]));
        TextEmbedding dragon = pipeline.EncodePrompt("a red dragon", cancellationToken: Cancellation);
        Assert.True(dragon.TokenCount > 3);
        AssertPositions("a red dragon", PromptSyntax.Plain, ("dragon", [.. Enumerable.Range(3, dragon.TokenCount - 2)]), ("red dragon", [.. Enumerable.Range(2, dragon.TokenCount - 1)]));

        // Chunks, weights, schedules and prompts that are combined.
        AssertPositions("a red (house:1.3) BREAK a [blue] boat", PromptSyntax.A1111, ("house", [3]), ("boat", [77 + 3]), ("blue boat", [77 + 2, 77 + 3]));
        AssertPositions(string.Join(", ", Enumerable.Repeat("red house", 26)) + ", blue boat", PromptSyntax.A1111, ("boat", [77 + 5]));
        AssertPositions("a (red:1.2) house", PromptSyntax.ComfyUI, ("red", [2]), ("house", [3]));
        AssertPositions("a [red house:boat:0.5]", PromptSyntax.A1111, ("red", [2]), ("house", [3]), ("boat", [2]));
        AssertPositions("a red house AND a boat on the sea", PromptSyntax.A1111, ("house", [3]), ("boat", [2]), ("sea", [5]));

        int PositionOfSecondRed(string text) => 1 + pipeline.EncodePrompt(text, cancellationToken: Cancellation).Tokens.ToList().LastIndexOf("red");

        void AssertPositions(string prompt, PromptSyntax syntax, params (string Word, int[] Positions)[] expected)
        {
            TextEmbedding embedding = pipeline.EncodePrompt(prompt, new PromptOptions { Syntax = syntax }, Cancellation);
            Latent latent = Denoise(pipeline, embedding, new DenoiseOptions { Seed = 1, Steps = 4, Attention = new AttentionOptions { Layers = ["mid_block*"] } });
            AssertSums(latent);
            foreach ((string word, int[] positions) in expected)
                Assert.Equal(positions, Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = [word] })).Positions);
        }
    }

    [Fact]
    public void The_texts_of_a_schedule_count_in_their_own_steps()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding embedding = pipeline.EncodePrompt("a [red house:boat:0.5]", new PromptOptions { Syntax = PromptSyntax.A1111 }, Cancellation);
        Latent latent = Denoise(pipeline, embedding, new DenoiseOptions { Seed = 1, Steps = 8, Attention = new AttentionOptions { Layers = ["mid_block*"] } });

        int[] house = [.. Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = ["house"] })).Steps], boat = [.. Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = ["boat"] })).Steps];
        Assert.Equal(Enumerable.Range(1, 8), house.Concat(boat));
        Assert.Equal(["a", "red", "house", "boat"], latent.FindAttention(new AttentionQuery()).Select(static map => map.Token));
    }

    [Fact]
    public void A_word_of_textual_inversion_is_one_word()
    {
        Tensor vectors = new([.. Enumerable.Range(0, 3 * 128).Select(static i => MathF.Sin(i) / 10)], 3, 128);
        TextualInversion word = new("glow.safetensors", "0123456789", "glow", new Dictionary<string, Tensor> { [string.Empty] = vectors });
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding embedding = pipeline.EncodePrompt("a glow house", new PromptOptions { TextualInversions = [word] }, Cancellation);

        Latent latent = Denoise(pipeline, embedding, new DenoiseOptions { Seed = 1, Steps = 1, Attention = new AttentionOptions() });

        Assert.Equal(["a", "glow", "house"], latent.Attention!.Words);
        Assert.Equal([2, 3, 4], Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = ["Glow"] })).Positions);
        Assert.Equal([5], Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = ["house"] })).Positions);
    }

    [Fact]
    public void Each_step_has_what_was_kept_up_to_it_and_a_latent_that_goes_on_has_its_own_steps()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 4, Attention = new AttentionOptions { Steps = [2, 4] } };
        List<Latent> steps = [];
        Latent whole = pipeline.Denoise(prompt, null, null, options, step => steps.Add(step.Capture()), Cancellation);

        Assert.Equal([null, "2", "2", "2,4"], steps.Select(static latent => latent.Attention is null ? null : string.Join(',', latent.Attention.Steps)));
        Latent half = Denoise(pipeline, prompt, options with { StopStep = 2, Attention = null });
        Latent rest = pipeline.Denoise(prompt, null, half, new DenoiseOptions { Attention = new AttentionOptions() }, cancellationToken: Cancellation);
        Assert.Equal([3, 4], rest.Attention!.Steps);
        Assert.Equal(whole.Tensor.Values, rest.Tensor.Values);
        Assert.Equal(MapOf(whole), MapOf(rest));

        static float[] MapOf(Latent latent) => Assert.Single(latent.FindAttention(new AttentionQuery { Tokens = ["star"], Steps = [4] })).Values;
    }

    [Fact]
    public void A_LoRA_a_ControlNet_and_edges_that_meet_take_part()
    {
        DiffusionModel plain = models.Open(models.Sd1);
        using DiffusionModel adapted = new(plain, AdapterSet.Create([new Lora(Repository.Data("adapters", "sd1-lora-kohya.safetensors"), 1, null)]));
        DenoiseOptions options = new() { Seed = 3, Steps = 2, Width = 64, Height = 64, Attention = new AttentionOptions() };
        TextEmbedding prompt = new DiffusionPipeline(plain).EncodePrompt("a red house", cancellationToken: Cancellation);

        float[] own = MapOf(plain, options);
        Assert.NotEqual(own, MapOf(adapted, options));
        Assert.NotEqual(own, MapOf(plain, options with { Tiling = "Both" }));
        ControlOptions control = new(Repository.Data("adapters", "sd1-controlnet"), ImageFile.Read(Repository.Data("adapters", "control.png")));
        Assert.NotEqual(own, MapOf(plain, options with { Controls = [control] }));

        float[] MapOf(DiffusionModel model, DenoiseOptions settings)
        {
            DiffusionPipeline pipeline = new(model);
            Latent kept = Denoise(pipeline, prompt, settings);
            Assert.Equal(Denoise(pipeline, prompt, settings with { Attention = null }).Tensor.Values, kept.Tensor.Values);
            AssertSums(kept);

            // In the first step all have the same noise.
            return Assert.Single(kept.FindAttention(new AttentionQuery { Tokens = ["house"], Steps = [1] })).Values;
        }
    }

    [Theory]
    [InlineData(nameof(SharedModels.Demo), null, false)]
    [InlineData(nameof(SharedModels.Demo), "up_blocks.1.*", true)]
    [InlineData(nameof(SharedModels.Sd2), null, true)]
    [InlineData(nameof(SharedModels.Large), null, false)]
    [InlineData(nameof(SharedModels.Large), "*.transformer_blocks.0", true)]
    public void The_estimate_is_the_memory_of_what_is_kept(string kind, string? layer, bool keepsHeads)
    {
        List<string> notes = [];
        DiffusionModel model = models.Open(models.Find(kind));
        DiffusionPipeline pipeline = new(model, note: notes.Add);
        TextEmbedding prompt = pipeline.EncodePrompt("a red star AND a [blue:light green:2] heart on white", new PromptOptions { Syntax = PromptSyntax.A1111 }, Cancellation);
        AttentionOptions attention = new() { Layers = layer is null ? [] : [layer], Steps = [2, 3, 4], KeepsHeads = keepsHeads };

        Latent latent = Denoise(pipeline, prompt, new DenoiseOptions { Seed = 3, Steps = 4, Scheduler = "Heun", Width = 72, Height = 40, Attention = attention });

        IReadOnlyList<AttentionPlane> planes = latent.Attention!.Planes;
        long columns = planes.Where(plane => plane.Layer == planes[0].Layer).Sum(static plane => (long)plane.Text.Columns), bytes = planes.Sum(static plane => plane.Values.Length * (long)sizeof(float));
        Assert.Equal(bytes, new MemoryEstimate(model, new VaeOptions()).Attention(attention, columns, 72, 40));
        Assert.Contains($"The attention of 3 steps takes {ByteSize.Format(bytes)} of memory.", notes);
    }

    [Fact]
    public void What_cannot_be_kept_or_found_says_so()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 2, Attention = new AttentionOptions() };
        Latent latent = Denoise(pipeline, prompt, options);

        Assert.Contains("down_blocks.0.attentions.0", AssertRefused("AttentionLayer", options with { Attention = new AttentionOptions { Layers = ["*.attn1"] } }), StringComparison.Ordinal);
        Assert.Contains("1 to 2", AssertRefused("AttentionStep", options with { Attention = new AttentionOptions { Steps = [3] } }), StringComparison.Ordinal);
        AssertRefused("AttentionStep", options with { StopStep = 1, Attention = new AttentionOptions { Steps = [2] } });
        AssertRefused("Attention", options with { FeatureReuse = 2 });
        AssertRefused("Attention", options with { Width = 128, Height = 128, DiffusionTiling = "MultiDiffusion", DiffusionTileSize = 64 });
        Assert.Contains("a, red, star, and, blue, heart, on, white", AssertMissing("Token", new AttentionQuery { Tokens = ["hear"] }), StringComparison.Ordinal);
        AssertMissing("Token", new AttentionQuery { Tokens = ["red heart"] });
        AssertMissing("Token", new AttentionQuery { Tokens = [" "] });
        AssertMissing("Step", new AttentionQuery { Steps = [0] });
        AssertMissing("Layer", new AttentionQuery { Layers = ["attn2"] });
        Assert.Equal("Attention", Assert.Throws<InvalidSettingException>(() => Denoise(pipeline, prompt, options with { Attention = null }).FindAttention(new AttentionQuery())).Setting);
        AttentionMap map = latent.FindAttention(new AttentionQuery())[0];
        foreach (double opacity in (double[])[-0.1, 1.1, double.NaN])
            Assert.Equal("Opacity", Assert.Throws<InvalidSettingException>(() => map.ToImage(opacity: opacity)).Setting);

        string AssertRefused(string setting, DenoiseOptions wrong)
        {
            InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Denoise(pipeline, prompt, wrong));
            Assert.Equal(setting, error.Setting);
            return error.Message;
        }

        string AssertMissing(string setting, AttentionQuery query)
        {
            InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => latent.FindAttention(query));
            Assert.Equal(setting, error.Setting);
            return error.Message;
        }
    }

    [Fact]
    public void A_map_is_drawn_over_its_image()
    {
        AttentionMap map = new(2, 2, [0.1f, 0.2f, 0.3f, 0.5f]) { Token = "house", Positions = [3], Steps = [1], Layers = ["mid_block"], ImageWidth = 16, ImageHeight = 16 };
        DiffusionImage alone = map.ToImage();

        Assert.Equal((16, 16), (alone.Width, alone.Height));
        Assert.Equal<byte>([87, 16, 110], alone.Pixels[..3]);
        Assert.Equal<byte>([252, 255, 164], alone.Pixels[^3..]);
        DiffusionImage under = new(8, 8, [.. Enumerable.Repeat<byte>(100, 192)]);
        Assert.Equal(under.Pixels, map.ToImage(under, opacity: 0).Pixels);
        Assert.Equal<byte>([94, 58, 105], map.ToImage(under, opacity: 0.5).Pixels[..3]);
        Assert.Null(alone.Info.Stages);
    }

    [Fact]
    public void The_map_of_a_word_lies_on_its_object()
    {
        string[] shapes = ["circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond"];
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        int hits = 0;
        for (int i = 0; i < 20; i++)
        {
            // All shapes and colors in turn, with the number of the prompt as the seed.
            string[] objects = [shapes[i % 8], shapes[(i + 1 + (i / 8)) % 8]], colors = [s_colors[i % 6].Name, s_colors[(i + 1 + (i / 6)) % 6].Name];
            TextEmbedding prompt = pipeline.EncodePrompt($"a {colors[0]} {objects[0]} and a {colors[1]} {objects[1]} on white", cancellationToken: Cancellation);
            Latent latent = Denoise(pipeline, prompt, new DenoiseOptions { Seed = i, Steps = 12, Attention = new AttentionOptions() });
            (double X, double Y)[] places = Places(pipeline.Decode(latent, Cancellation), colors);
            IReadOnlyList<AttentionMap> maps = latent.FindAttention(new AttentionQuery { Tokens = objects });

            // The halves are those of the axis on which the objects are apart.
            bool isBeside = Math.Abs(places[0].X - places[1].X) > Math.Abs(places[0].Y - places[1].Y);
            for (int item = 0; item < 2; item++)
            {
                (double place, double center, double other) = isBeside ? (places[item].X, maps[item].CenterX, places[1 - item].X) : (places[item].Y, maps[item].CenterY, places[1 - item].Y);
                Assert.True(place < 0.5 != other < 0.5, $"The objects of image {i} are not in two halves.");
                hits += place < 0.5 == center < 0.5 ? 1 : 0;
            }
        }

        Assert.Equal(40, hits);
    }

    /// <summary>The centers of the pixels that are nearer to a color than to the other one and to white.</summary>
    private static (double X, double Y)[] Places(DiffusionImage image, string[] colors)
    {
        (string Name, int Red, int Green, int Blue)[] known = [.. colors.Append("white").Select(static name => s_colors.Single(color => color.Name == name))];
        double[] count = new double[3], x = new double[3], y = new double[3];
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            int nearest = Enumerable.Range(0, 3).MinBy(color => Square(image.Pixels[i * 3] - known[color].Red) + Square(image.Pixels[(i * 3) + 1] - known[color].Green) + Square(image.Pixels[(i * 3) + 2] - known[color].Blue));
            count[nearest]++;
            x[nearest] += ((i % image.Width) + 0.5) / image.Width;
            y[nearest] += ((i / image.Width) + 0.5) / image.Height;
        }

        return [(x[0] / count[0], y[0] / count[0]), (x[1] / count[1], y[1] / count[1])];

        static int Square(int value) => value * value;
    }

    [Fact]
    public void A_model_whose_attention_has_another_form_says_so()
    {
        using TemporaryFolder folder = new();
        Repository.Copy(models.Demo, folder.Path);

        // The operators add a bias of zeros inside.
        string path = folder[Path.Combine(ModelParts.UNet, ModelParts.Graph)];
        ModelProto model = GraphFile.Read(path);
        foreach (NodeProto node in model.Graph.Node.Where(static node => node.OpType == "MultiHeadAttention"))
        {
            int width = (int)model.Graph.Initializer.Single(weight => weight.Name == node.Input[0].Replace("/MatMul", ".weight", StringComparison.Ordinal)).Dims[1];
            model.Graph.Initializer.Add(new TensorProto { Name = $"{node.Name}.bias", DataType = TensorProto.Types.DataType.Float, Dims = { 3 * width }, RawData = ByteString.CopyFrom(new byte[12 * width]) });
            node.Input.Add($"{node.Name}.bias");
        }

        File.WriteAllBytes(path, model.ToByteArray());
        using DiffusionModel changed = new(ModelReader.Read(folder.Path, folder.Path, Cancellation), Device.Cpu);
        DiffusionPipeline pipeline = new(changed);
        TextEmbedding prompt = pipeline.EncodePrompt(Prompt, cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 3, Steps = 1 };

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Denoise(pipeline, prompt, options with { Attention = new AttentionOptions() }));
        Assert.Equal("Attention", error.Setting);
        Assert.Contains("Import the model from its weights", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, Denoise(pipeline, prompt, options).Step);
    }

    private static Latent Denoise(DiffusionPipeline pipeline, TextEmbedding prompt, DenoiseOptions options) =>
        pipeline.Denoise(prompt, null, null, options, cancellationToken: Cancellation);

    private static void AssertSums(Latent latent)
    {
        foreach (AttentionPlane plane in latent.Attention!.Planes)
        {
            for (int head = 0; head < plane.Heads; head++)
            {
                double[] sums = new double[plane.Width * plane.Height];
                for (int column = 0; column < plane.Text.Columns; column++)
                {
                    for (int i = 0; i < sums.Length; i++)
                        sums[i] += plane.Of(head, column)[i];
                }

                Assert.All(sums, static sum => Assert.InRange(Math.Abs(sum - 1), 0, RowTolerance));
            }
        }
    }

    private static void AssertNear(float[] expected, float[] actual) =>
        Assert.All(expected.Zip(actual), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-6));
}
