using System.Text;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using static StableDiffusion.Tests.Metadata.MetadataFiles;

namespace StableDiffusion.Tests.Metadata;

public sealed class OtherToolsTests : IDisposable
{
    // The graph that ComfyUI begins with.
    private const string Graph = """
        {"3": {"inputs": {"seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1.0,
          "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}, "class_type": "KSampler"},
         "4": {"inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}, "class_type": "CheckpointLoaderSimple", "is_changed": [NaN]},
         "5": {"inputs": {"width": 512, "height": 768, "batch_size": 1}, "class_type": "EmptyLatentImage"},
         "6": {"inputs": {"text": "a \"NaN\" bottle, é", "clip": ["4", 1]}, "class_type": "CLIPTextEncode", "_meta": {"title": "positive"}},
         "7": {"inputs": {"text": "text, watermark", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
         "8": {"inputs": {"samples": ["3", 0], "vae": ["4", 2]}, "class_type": "VAEDecode"},
         "9": {"inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}, "class_type": "SaveImage"}}
        """;

    private static readonly GenerationInfo s_graphInfo = new()
    {
        Prompt = "a \"NaN\" bottle, é", NegativePrompt = "text, watermark", PromptSyntax = "ComfyUI", Seed = 156680208700286, Steps = 20, Scheduler = "A1111 DPM++ 2M Karras", GuidanceScale = 8,
        Width = 512, Height = 768, Model = "v1-5-pruned-emaonly.safetensors",
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_graph_of_ComfyUI_is_followed()
    {
        ImageMetadata metadata = ReadGraph(Graph);

        Assert.Equal(MetadataSource.ComfyUI, metadata.Source);
        Assert.Equal(s_graphInfo, metadata.Info);
        Assert.Empty(metadata.Warnings);
        Assert.Equal("TorchCpu", metadata.RandomSource);
        Assert.Equal(["seed", "steps", "cfg", "sampler_name", "scheduler", "denoise", "width", "height", "batch_size", "ckpt_name"], metadata.Settings.Keys);
    }

    [Fact]
    public void A_graph_in_the_EXIF_block_of_a_WebP_file_is_followed()
    {
        Assert.Equal(s_graphInfo, Read(WebP(("EXIF", Exif([], model: "prompt:" + Graph)))).Info);
    }

    [Fact]
    public void Links_to_nodes_that_hold_a_value_are_followed()
    {
        ImageMetadata metadata = ReadGraph(Graph
            .Replace("\"seed\": 156680208700286", "\"seed\": [\"20\", 0]", StringComparison.Ordinal)
            .Replace("\"text\": \"text, watermark\"", "\"text\": [\"21\", 0]", StringComparison.Ordinal)
            .Replace("{\"3\":", """
                {"20": {"inputs": {"seed": 5}, "class_type": "Seed (rgthree)"}, "21": {"inputs": {"string": ["22", 0]}, "class_type": "Reroute text"},
                 "22": {"inputs": {"value": "linked"}, "class_type": "PrimitiveString"}, "3":
                """, StringComparison.Ordinal));

        Assert.Equal(s_graphInfo with { Seed = 5, NegativePrompt = "linked" }, metadata.Info);
        Assert.Empty(metadata.Warnings);
    }

    [Fact]
    public void Nodes_between_the_sampler_and_its_sources_are_told()
    {
        ImageMetadata metadata = ReadGraph(Graph
            .Replace("\"model\": [\"4\", 0], \"positive\": [\"6\", 0], \"negative\": [\"7\", 0]", "\"model\": [\"30\", 0], \"positive\": [\"31\", 0], \"negative\": [\"31\", 1]", StringComparison.Ordinal)
            .Replace("\"clip\": [\"4\", 1]}, \"class_type\": \"CLIPTextEncode\", \"_meta\"", "\"clip\": [\"33\", 0]}, \"class_type\": \"CLIPTextEncode\", \"_meta\"", StringComparison.Ordinal)
            .Replace("{\"3\":", """
                {"30": {"inputs": {"lora_name": "x", "model": ["4", 0], "clip": ["4", 1]}, "class_type": "LoraLoader"},
                 "31": {"inputs": {"strength": 1, "positive": ["6", 0], "negative": ["7", 0]}, "class_type": "ControlNetApplyAdvanced"},
                 "33": {"inputs": {"stop_at_clip_layer": -2, "clip": ["30", 1]}, "class_type": "CLIPSetLastLayer"}, "3":
                """, StringComparison.Ordinal));

        Assert.Equal(s_graphInfo with { ClipSkip = 2 }, metadata.Info);
        Assert.EndsWith("ignored: ControlNetApplyAdvanced, LoraLoader.", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_two_passes_the_first_is_read()
    {
        ImageMetadata metadata = ReadGraph(Graph
            .Replace("\"samples\": [\"3\", 0]", "\"samples\": [\"40\", 0]", StringComparison.Ordinal)
            .Replace("{\"3\":", """
                {"40": {"inputs": {"seed": 1, "steps": 9, "cfg": 3, "sampler_name": "euler", "scheduler": "simple", "denoise": 0.5,
                  "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["41", 0]}, "class_type": "KSampler"},
                 "41": {"inputs": {"width": 1024, "height": 1536, "samples": ["3", 0]}, "class_type": "LatentUpscale"}, "3":
                """, StringComparison.Ordinal));

        Assert.Equal(s_graphInfo, metadata.Info);
        Assert.Contains("first pass", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_picture_that_was_made_from_another_has_a_strength()
    {
        ImageMetadata metadata = ReadGraph(Graph
            .Replace("\"denoise\": 1.0", "\"denoise\": 0.6", StringComparison.Ordinal)
            .Replace("{\"width\": 512, \"height\": 768, \"batch_size\": 1}, \"class_type\": \"EmptyLatentImage\"", "{\"pixels\": [\"50\", 0], \"vae\": [\"4\", 2]}, \"class_type\": \"VAEEncode\"", StringComparison.Ordinal)
            .Replace("{\"3\":", "{\"50\": {\"inputs\": {\"image\": \"in.png\"}, \"class_type\": \"LoadImage\"}, \"3\":", StringComparison.Ordinal));

        Assert.Equal(s_graphInfo with { Strength = 0.6, Width = null, Height = null }, metadata.Info);
        Assert.Contains("another image", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void The_advanced_sampler_is_read()
    {
        ImageMetadata metadata = ReadGraph(Graph
            .Replace("\"seed\": 156680208700286", "\"add_noise\": \"enable\", \"start_at_step\": 0, \"end_at_step\": 10000, \"noise_seed\": 156680208700286", StringComparison.Ordinal)
            .Replace(", \"denoise\": 1.0", "", StringComparison.Ordinal).Replace("\"KSampler\"", "\"KSamplerAdvanced\"", StringComparison.Ordinal));

        Assert.Equal(s_graphInfo, metadata.Info);
        Assert.Empty(metadata.Warnings);
    }

    [Fact]
    public void A_part_of_the_steps_is_told()
    {
        ImageMetadata metadata = ReadGraph(Graph.Replace("\"seed\": 156680208700286", "\"end_at_step\": 15, \"noise_seed\": 156680208700286", StringComparison.Ordinal));

        Assert.Contains("a part of its steps", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_sampler_whose_work_is_divided_among_nodes_is_read()
    {
        const string Divided = """
            {"1": {"inputs": {"noise": ["2", 0], "guider": ["3", 0], "sampler": ["4", 0], "sigmas": ["5", 0], "latent_image": ["6", 0]}, "class_type": "SamplerCustomAdvanced"},
             "2": {"inputs": {"noise_seed": 7}, "class_type": "RandomNoise"},
             "3": {"inputs": {"cfg": 4.5, "model": ["7", 0], "positive": ["8", 0], "negative": ["9", 0]}, "class_type": "CFGGuider"},
             "4": {"inputs": {"eta": 1.0, "s_noise": 1.0}, "class_type": "SamplerEulerAncestral"},
             "5": {"inputs": {"scheduler": "normal", "steps": 12, "denoise": 1.0, "model": ["7", 0]}, "class_type": "BasicScheduler"},
             "6": {"inputs": {"width": 64, "height": 32, "batch_size": 4}, "class_type": "EmptySD3LatentImage"},
             "7": {"inputs": {"unet_name": "u.safetensors"}, "class_type": "UNETLoader"},
             "8": {"inputs": {"text_g": "big", "text_l": "small", "clip": ["7", 1]}, "class_type": "CLIPTextEncodeSDXL"},
             "9": {"inputs": {"conditioning": ["8", 0]}, "class_type": "ConditioningZeroOut"}}
            """;

        ImageMetadata metadata = ReadGraph(Divided);

        Assert.Equal(
            new GenerationInfo { Prompt = "big", NegativePrompt = "", PromptSyntax = "ComfyUI", Seed = 7, Steps = 12, Scheduler = "A1111 Euler a", SchedulerOptions = """{"schedule":"normal"}""", GuidanceScale = 4.5, Width = 64, Height = 32, Model = "u.safetensors" },
            metadata.Info);
        Assert.Equal(2, metadata.Warnings.Count);
        Assert.Contains(metadata.Warnings, warning => warning.Contains("two text encoders", StringComparison.Ordinal));
        Assert.Contains(metadata.Warnings, warning => warning.Contains("of a batch", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"1": {"inputs": {"images": ["1", 0]}, "class_type": "SaveImage"}}""", "no known sampler")]
    [InlineData("""{"1": {"inputs": {"latent_image": ["1", 0], "positive": ["1", 0], "seed": ["1", 0], "model": ["1", 0], "sigmas": ["1", 0]}, "class_type": "KSampler"}}""", "positive prompt")]
    [InlineData("""{"1": {"inputs": {"latent_image": ["2", 0], "positive": ["2", 0], "negative": ["2", 1]}, "class_type": "K"}, "2": {"inputs": {"positive": ["2", 0], "negative": ["2", 1], "samples": ["1", 0]}, "class_type": "Z"}}""", "negative prompt")]
    [InlineData("""{"1": {"inputs": {"latent_image": 5, "positive": [], "seed": 18446744073709551615}, "class_type": "KSampler"}}""", "'18446744073709551615' of 'seed'")]
    public void A_graph_that_leads_nowhere_is_told(string graph, string warning)
    {
        ImageMetadata metadata = ReadGraph(graph);

        Assert.Equal(MetadataSource.ComfyUI, metadata.Source);
        Assert.Contains(metadata.Warnings, text => text.Contains(warning, StringComparison.Ordinal));
    }

    [Fact]
    public void A_graph_beyond_all_measure_is_refused()
    {
        string nodes = string.Join(',', Enumerable.Range(0, 5001).Select(i => $$"""
            "{{i}}": {"inputs": {}, "class_type": "N"}
            """));

        Assert.Contains("5000", Assert.Single(ReadGraph($"{{{nodes}}}").Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_workflow_without_the_graph_is_told()
    {
        ImageMetadata metadata = Read(Png(TextChunk("workflow", "{\"nodes\": []}"), TextChunk("prompt", "{not JSON")));

        Assert.Equal(MetadataSource.ComfyUI, metadata.Source);
        Assert.Contains("workflow", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_infotext_beside_a_graph_counts()
    {
        ImageMetadata metadata = Read(Png(TextChunk("prompt", Graph), TextChunk("parameters", "of the text\nSteps: 3, Sampler: euler, Seed: 1, Version: ComfyUI")));

        Assert.Equal((MetadataSource.ComfyUI, "of the text", "TorchCpu"), (metadata.Source, metadata.Info.Prompt, metadata.RandomSource));
    }

    public static TheoryData<string> CppFiles() => ["PNG", "JPEG", "WebP"];

    [Theory]
    [MemberData(nameof(CppFiles))]
    public void The_text_of_stable_diffusion_cpp_is_read(string format)
    {
        const string Json = """{"height":768,"prompt":{"negative":"","positive":"a lovely cat, 日本, Steps: 99, Seed: 5"},"sampling":{"steps":20},"schema":"sdcpp.image.params/v1"}""";
        const string CppText = "a lovely cat, 日本\nNegative prompt: bad & <ugly>\nSteps: 20, CFG scale: 7.000000, Guidance: 3.500000, Seed: 42, Size: 512x768, "
            + "Model: sd-v1-4.ckpt, RNG: cuda, Sampler: euler_a discrete, Clip skip: 2, Version: stable-diffusion.cpp, SDCPP: " + Json;
        byte[] utf8 = Encoding.UTF8.GetBytes(CppText);
        byte[] xmp = Encoding.UTF8.GetBytes($"""
            <?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
            <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
            <rdf:Description xmlns:sdcpp="https://github.com/leejet/stable-diffusion.cpp/ns/1.0/"><sdcpp:parameters>{System.Security.SecurityElement.Escape(CppText)}</sdcpp:parameters></rdf:Description></rdf:RDF></x:xmpmeta>
            <?xpacket end="w"?>
            """);

        ImageMetadata metadata = Read(format switch
        {
            "PNG" => Png(TextChunk("parameters", utf8)),
            "JPEG" => Jpeg((0xFE, [.. "parameters\0"u8, .. utf8, 0])),
            _ => WebP(("XMP ", xmp)),
        });

        Assert.Equal(new TextEntry(format switch { "PNG" => "tEXt", "JPEG" => "JPEG", _ => "XMP" }, "parameters", CppText), Assert.Single(metadata.Entries));
        Assert.Equal(MetadataSource.StableDiffusionCpp, metadata.Source);
        Assert.Equal(
            new GenerationInfo
            {
                Prompt = "a lovely cat, 日本", NegativePrompt = "bad & <ugly>", PromptSyntax = "A1111", ClipSkip = 2, Steps = 20, Scheduler = "A1111 Euler a", GuidanceScale = 7, Seed = 42, Width = 512, Height = 768, Model = "sd-v1-4.ckpt",
            },
            metadata.Info);
        Assert.Equal(("Cuda", Json), (metadata.RandomSource, metadata.Settings["SDCPP"]));
        Assert.Empty(metadata.Warnings);
    }

    [Fact]
    public void The_reference_text_of_stable_diffusion_cpp_is_its()
    {
        ImageMetadata metadata = Read(Png(TextChunk("parameters", "trailing newline\nSteps: 4, Sampler: euler karras, CFG scale: 1, Seed: 1, Size: 8x8, Version: stable-diffusion.cpp\n")));

        Assert.Equal((MetadataSource.StableDiffusionCpp, "A1111 Euler Karras"), (metadata.Source, metadata.Info.Scheduler));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NovelAIs_settings_are_read(bool isWebP)
    {
        const string Comment = """
            {"prompt": "a {cat}", "steps": 28, "height": 1216, "width": 832, "scale": 5.0, "cfg_rescale": 0.2, "seed": 3271532105, "noise_schedule": "karras",
             "sampler": "k_dpmpp_2m", "sm": true, "uc": "bad", "request_type": "PromptGenerateRequest", "strength": 0.7}
            """;
        string quoted = System.Text.Json.JsonSerializer.Serialize(new { Title = "NovelAI generated image", Description = "a {cat}", Software = "NovelAI", Source = "Stable Diffusion XL C1E1DE52", Comment });

        ImageMetadata metadata = Read(isWebP
            ? WebP(("EXIF", Exif([.. "ASCII\0\0\0"u8, .. Encoding.UTF8.GetBytes(quoted)])))
            : Png(TextChunk("Description", "a {cat}"), TextChunk("Software", "NovelAI"), TextChunk("Source", "Stable Diffusion XL C1E1DE52"), TextChunk("Comment", Comment)));

        Assert.Equal(MetadataSource.NovelAI, metadata.Source);
        Assert.Equal(
            new GenerationInfo
            {
                Prompt = "a {cat}", NegativePrompt = "bad", Steps = 28, Scheduler = "A1111 DPM++ 2M Karras", GuidanceScale = 5, GuidanceRescale = 0.2, Seed = 3271532105, Width = 832, Height = 1216,
                Model = "Stable Diffusion XL C1E1DE52",
            },
            metadata.Info);
        Assert.Equal(3, metadata.Warnings.Count);
        Assert.Equal("28", metadata.Settings["steps"]);
        Assert.False(metadata.Settings.ContainsKey("uc"));
    }

    [Fact]
    public void NovelAIs_damaged_settings_leave_the_prompt()
    {
        ImageMetadata metadata = Read(Png(TextChunk("Description", "a cat"), TextChunk("Software", "NovelAI"), TextChunk("Comment", "{\"steps\": ")));

        Assert.Equal((MetadataSource.NovelAI, "a cat"), (metadata.Source, metadata.Info.Prompt));
        Assert.Single(metadata.Warnings);
    }

    [Fact]
    public void InvokeAIs_settings_are_read()
    {
        const string Json = """
            {"app_version": "4.2", "generation_mode": "txt2img", "positive_prompt": "a cat", "negative_prompt": "bad", "width": 512, "height": 640, "seed": 12, "rand_device": "cpu",
             "cfg_scale": 7.5, "cfg_rescale_multiplier": 0, "steps": 30, "scheduler": "euler_k", "clip_skip": 1, "model": {"key": "k", "hash": "blake3:00", "name": "dreamshaper-8"}, "strength": 0.8, "loras": [{}]}
            """;

        ImageMetadata metadata = Read(Png(InternationalText("invokeai_metadata", Json, isDeflated: false)));

        Assert.Equal(MetadataSource.InvokeAI, metadata.Source);
        Assert.Equal(
            new GenerationInfo { Prompt = "a cat", NegativePrompt = "bad", ClipSkip = 2, Width = 512, Height = 640, Seed = 12, GuidanceScale = 7.5, GuidanceRescale = 0, Steps = 30, Scheduler = "Euler Karras", Model = "dreamshaper-8" },
            metadata.Info);
        Assert.Equal("TorchCpu", metadata.RandomSource);
        Assert.Contains("loras", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    /// <summary>Python's JSON has such names, and .NET's refuses to return them.</summary>
    [Fact]
    public void A_name_with_half_a_character_is_read()
    {
        string half = "\\ud800";
        ImageMetadata comfy = ReadGraph(Graph.Replace("\"seed\"", $"\"{half}\": 1, \"seed\"", StringComparison.Ordinal).Replace("{\"3\":", $"{{\"{half}\": {{\"class_{half}\": 1}}, \"3\":", StringComparison.Ordinal));
        ImageMetadata invoke = Read(Png(InternationalText("invokeai_metadata", $"{{\"positive_prompt\": \"a\", \"{half}\": \"x\", \"model\": {{\"{half}\": 1, \"name\": \"m\"}}}}", isDeflated: false)));
        ImageMetadata novel = Read(Png(TextChunk("Software", "NovelAI"), InternationalText("Comment", $"{{\"prompt\": \"a\", \"{half}\": \"x\"}}", isDeflated: false)));

        Assert.Equal(s_graphInfo, comfy.Info);
        Assert.Equal(("a", "m", "x"), (invoke.Prompt, invoke.Model, invoke.Settings["\ud800"]));
        Assert.Equal("a", novel.Prompt);
    }

    /// <summary>Each of the ends leads to the same long chain.</summary>
    [Fact]
    public void A_graph_with_more_links_than_the_limit_is_left_out()
    {
        IEnumerable<string> nodes = Enumerable.Range(0, 4000).Select(static node =>
            $"\"{node}\": {{\"class_type\": \"X\", \"inputs\": {{{string.Join(", ", Enumerable.Range(0, 13).Select(input => $"\"{input}\": [\"{node + 1}\", 0]"))}}}}}");

        Assert.Contains("nodes or links", Assert.Single(ReadGraph($"{{{string.Join(',', nodes)}}}").Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void The_sampler_is_found_from_any_end()
    {
        string ends = string.Concat(Enumerable.Range(100, 50).Select(static node => $"\"{node}\": {{\"class_type\": \"Save\", \"inputs\": {{\"a\": [\"4\", 0]}}}}, "));

        Assert.Equal(s_graphInfo, ReadGraph(Graph.Replace("{\"3\":", $"{{{ends}\"3\":", StringComparison.Ordinal).Replace("SaveImage", "Preview", StringComparison.Ordinal)).Info);
    }

    [Fact]
    public void Reading_stops_when_it_is_cancelled()
    {
        File.WriteAllBytes(_folder["file"], Png(InternationalText("prompt", Graph, isDeflated: false)));

        Assert.ThrowsAny<OperationCanceledException>(() => MetadataReader.Load(_folder["file"], new CancellationToken(canceled: true)));
        Assert.ThrowsAny<OperationCanceledException>(() => ComfyGraph.Read(Graph, [], new CancellationToken(canceled: true)));
        Assert.ThrowsAny<OperationCanceledException>(() => InvokeAiMetadata.Read("{}", [], new CancellationToken(canceled: true)));
        Assert.ThrowsAny<OperationCanceledException>(() => NovelAiMetadata.Read(new Dictionary<string, string> { ["UserComment"] = "{}" }, [], new CancellationToken(canceled: true)));
        Assert.ThrowsAny<OperationCanceledException>(() => JsonText.ParseObject("{", new CancellationToken(canceled: true)));
    }

    private ImageMetadata ReadGraph(string graph) => Read(Png(InternationalText("prompt", graph, isDeflated: false)));

    private ImageMetadata Read(byte[] file)
    {
        File.WriteAllBytes(_folder["file"], file);
        return MetadataReader.Read(_folder["file"]);
    }
}
