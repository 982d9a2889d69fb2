using System.Text;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;
using static StableDiffusion.Tests.Metadata.MetadataFiles;

namespace StableDiffusion.Tests.Metadata;

public sealed class MetadataReaderTests : IDisposable
{
    private const string Infotext = "a cät\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x768, Model hash: 6ce0161689, Model: m, Clip skip: 2, Version: v1.10.1";
    private const string WideInfotext = "日本 🦓 é\nNegative prompt: größe\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x768";

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Containers() =>
    [
        "tEXt", "tEXt UTF-8", "zTXt", "iTXt", "iTXt deflated", "eXIf", "JPEG UserComment", "JPEG comment", "JPEG comment Latin-1", "WebP", "WebP without mark", "AVIF", "GIF", "GIF behind the picture",
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Containers))]
    public void The_infotext_is_found_in(string container)
    {
        byte[] exif = Exif([.. "UNICODE\0"u8, .. Encoding.BigEndianUnicode.GetBytes(Infotext)]);
        byte[] file = container switch
        {
            "tEXt" => Png(TextChunk("parameters", Infotext)),
            "tEXt UTF-8" => Png(TextChunk("parameters", Encoding.UTF8.GetBytes(Infotext))),
            "zTXt" => Png(DeflatedText("parameters", Infotext)),
            "iTXt" => Png(InternationalText("parameters", Infotext, isDeflated: false)),
            "iTXt deflated" => Png(InternationalText("parameters", Infotext, isDeflated: true)),
            "eXIf" => Png(Chunk("eXIf", exif[6..])),
            "JPEG UserComment" => Jpeg((0xE1, exif)),
            "JPEG comment" => Jpeg((0xFE, Encoding.UTF8.GetBytes(Infotext))),
            "JPEG comment Latin-1" => Jpeg((0xFE, Encoding.Latin1.GetBytes(Infotext))),
            "WebP" => WebP(("EXIF", exif)),
            "WebP without mark" => WebP(("odd ", [1, 2, 3]), ("EXIF", exif[6..])),
            "AVIF" => Avif(exif),
            "GIF" => Gif(Infotext),
            "GIF behind the picture" => Gif("made by hand", Infotext),
            _ => throw new ArgumentOutOfRangeException(nameof(container)),
        };

        ImageMetadata metadata = Read(file);

        Assert.Equal(container == "GIF behind the picture" ? ["made by hand", Infotext] : [Infotext], metadata.Entries.Select(entry => entry.Text));
        Assert.Equal(MetadataSource.A1111, metadata.Source);
        Assert.Empty(metadata.Warnings);
        Assert.Equal(
            new GenerationInfo
            {
                Prompt = "a cät", NegativePrompt = "blurry", PromptSyntax = "A1111", ClipSkip = 2, Steps = 20, Scheduler = "A1111 Euler a", GuidanceScale = 7.5, Seed = 42,
                Width = 512, Height = 768, Model = "m", ModelHash = "6ce0161689",
            },
            metadata.Info);
        Assert.Equal("Cuda", metadata.RandomSource);
        Assert.Equal("v1.10.1", metadata.Settings["Version"]);
        Assert.Equal(_folder["file"], metadata.Path);
    }

    public static TheoryData<string, bool, bool> Comments()
    {
        TheoryData<string, bool, bool> data = [];
        foreach (string order in (string[])["BE", "LE", "BE mark", "LE mark"])
        {
            foreach (bool isBigEndian in (bool[])[true, false])
            {
                data.Add(order, isBigEndian, true);
                data.Add(order, isBigEndian, false);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Comments))]
    public void A_user_comment_of_UTF_16_is_read_in_either_order(string order, bool isBigEndian, bool isWide)
    {
        string text = isWide ? WideInfotext : Infotext;
        UnicodeEncoding encoding = new(bigEndian: order.StartsWith("BE", StringComparison.Ordinal), byteOrderMark: true);
        byte[] mark = order.EndsWith("mark", StringComparison.Ordinal) ? encoding.GetPreamble() : [];

        ImageMetadata metadata = Read(Jpeg((0xE1, Exif([.. "UNICODE\0"u8, .. mark, .. encoding.GetBytes(text)], isBigEndian))));

        Assert.Equal(new TextEntry("EXIF", "UserComment", text), Assert.Single(metadata.Entries));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_comment_that_gives_no_hint_of_its_order_is_read_in_that_of_the_block(bool isBigEndian)
    {
        Encoding encoding = isBigEndian ? Encoding.BigEndianUnicode : Encoding.Unicode;

        ImageMetadata metadata = Read(Jpeg((0xE1, Exif([.. "UNICODE\0"u8, .. encoding.GetBytes("日本")], isBigEndian))));

        Assert.Equal("日本", metadata.Info.Prompt);
    }

    [Theory]
    [InlineData("ASCII\0\0\0", "a cat", "a cat")]
    [InlineData("ASCII\0\0\0", "a cat\0\0", "a cat")]
    [InlineData("\0\0\0\0\0\0\0\0", "a cät  ", "a cät")]
    [InlineData("", "a cät, without a code", "a cät, without a code")]
    [InlineData("JIS\0\0\0\0\0", "\u001b$BF|K\\\u001b(B cat", "日本 cat")]
    public void A_user_comment_of_another_encoding_is_read(string code, string text, string expected)
    {
        ImageMetadata metadata = Read(WebP(("EXIF", Exif([.. Encoding.ASCII.GetBytes(code), .. Encoding.UTF8.GetBytes(text)]))));

        Assert.Equal(expected, metadata.Info.Prompt);
    }

    [Fact]
    public void A_user_comment_of_Shift_JIS_is_read()
    {
        Assert.Equal("日本", Read(Jpeg((0xE1, Exif([.. "JIS\0\0\0\0\0"u8, 0x93, 0xFA, 0x96, 0x7B])))).Info.Prompt);
    }

    [Theory]
    [InlineData(ImageFormat.Png)]
    [InlineData(ImageFormat.Jpeg)]
    [InlineData(ImageFormat.WebP)]
    public void What_the_writer_wrote_is_read(ImageFormat format)
    {
        GenerationInfo info = new()
        {
            Prompt = "日本, a (cat:1.2)", NegativePrompt = "Ünschärfe: \"x\"", Seed = 1234567890123, Steps = 30, Scheduler = "A1111 DPM++ 2M Karras", GuidanceScale = 5.5, ImageGuidanceScale = 1.7, GuidanceRescale = 0.7,
            Width = 768, Height = 1024, Model = "my, model", ModelHash = "6ce0161689", ResizeMode = "Pad",
            MicroConditioning = new MicroConditioning { OriginalWidth = 2048, CropTop = 8, AestheticScore = 6.5 },
        };

        ImageMetadata metadata = Read(Encode(format, info));

        Assert.Equal(info, metadata.Info);
        Assert.Equal((MetadataSource.PowerShell, "TorchCpu"), (metadata.Source, metadata.RandomSource));
        Assert.Empty(metadata.Warnings);
    }

    [Fact]
    public void The_strength_comes_with_a_word_on_the_picture_that_is_needed()
    {
        ImageMetadata metadata = Read(Encode(ImageFormat.Png, new GenerationInfo { Prompt = "p", Seed = 1, Steps = 2, Strength = 0.55 }));

        Assert.Equal(0.55, metadata.Info.Strength);
        Assert.Contains("another image", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    // The option after the colon. Where the tool names no schedule it means the model's own noise levels.
    [Theory]
    [InlineData("DPM++ 2M", "Karras", "A1111 DPM++ 2M Karras")]
    [InlineData("DPM++ 2M Karras", null, "A1111 DPM++ 2M Karras")]
    [InlineData("DPM++ 2M", "Automatic", "A1111 DPM++ 2M")]
    [InlineData("DPM++ 2M", null, "A1111 DPM++ 2M: uniform")]
    [InlineData("DPM++ 2M", "SGM Uniform", "A1111 DPM++ 2M: sgm_uniform")]
    [InlineData("DPM++ SDE", "Align Your Steps", "DPM++ SDE: ays_sd1")]
    [InlineData("DPM++ 2M SDE Heun", "Exponential", "DPM++ 2M SDE Heun Exponential")]
    [InlineData("Euler a", "Automatic", "A1111 Euler a")]
    [InlineData("Euler a", null, "A1111 Euler a")]
    [InlineData("Euler", "Uniform", "A1111 Euler")]
    [InlineData("dpmpp_2m", "karras", "A1111 DPM++ 2M Karras")]
    [InlineData("dpmpp_2m", "normal", "A1111 DPM++ 2M: normal")]
    [InlineData("euler_ancestral", "simple", "A1111 Euler a: simple")]
    [InlineData("dpm_2", "ddim_uniform", "A1111 DPM2: ddim")]
    [InlineData("k_dpmpp_2s_ancestral", "native", "DPM++ 2S a: uniform")]
    [InlineData("dpmpp_2m_sde_gpu", "karras", "A1111 DPM++ 2M SDE Karras")]
    [InlineData("ddim", "ddim_uniform", "DDIM")]
    [InlineData("DDIM", "Automatic", "A1111 DDIM")]
    [InlineData("dpm++2m", "discrete", "A1111 DPM++ 2M: uniform")]
    [InlineData("uni_pc", "normal", "UniPC")]
    public void A_sampler_of_k_diffusion_and_its_schedule_are_found(string sampler, string? schedule, string expected)
    {
        List<string> warnings = [];

        (string name, SchedulerInfo? info, Dictionary<string, object?> options) = SamplerNames.Resolve(sampler, schedule, isKDiffusion: true, warnings);

        Assert.Equal(expected, string.Join(": ", [name, .. options.Values]));
        Assert.All(options.Keys, key => Assert.Equal("schedule", key));
        Assert.Equal(name, info?.Name);
        Assert.Empty(warnings);
    }

    [Theory]
    [InlineData("DPM++ 2M", "Karras", "DPM++ 2M Karras")]
    [InlineData("A1111 DPM++ 2M", "Karras", "A1111 DPM++ 2M Karras")]
    [InlineData("Euler a", null, "Euler a")]
    [InlineData("DPM++ SDE", null, "DPM++ SDE")]
    public void A_scheduler_of_diffusers_is_found(string sampler, string? schedule, string expected)
    {
        List<string> warnings = [];

        Assert.Equal((expected, 0), (SamplerNames.Resolve(sampler, schedule, isKDiffusion: false, warnings).Name, warnings.Count));
    }

    [Fact]
    public void Every_scheduler_of_the_catalog_is_read_as_it_was_written()
    {
        foreach (SchedulerInfo scheduler in SchedulerCatalog.All)
        {
            ImageMetadata metadata = Read(Encode(ImageFormat.Png, new GenerationInfo { Prompt = "p", Seed = 1, Steps = 2, Scheduler = scheduler.Name }));

            Assert.Equal((scheduler.Name, null, 0), (metadata.Info.Scheduler, metadata.Info.SchedulerOptions, metadata.Warnings.Count));
        }
    }

    [Theory]
    [InlineData("No such sampler", null, "No such sampler")]
    [InlineData("Euler", "No such schedule", "Euler No such schedule")]
    [InlineData("No such sampler", "Automatic", "No such sampler Automatic")]
    public void A_sampler_that_is_not_there_keeps_its_name(string sampler, string? schedule, string expected)
    {
        List<string> warnings = [];

        Assert.Equal(expected, SamplerNames.Resolve(sampler, schedule, isKDiffusion: true, warnings).Name);
        Assert.Contains(expected, Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_are_options_of_the_scheduler_become_options()
    {
        ImageMetadata metadata = ReadInfotext("p\nSteps: 2, Sampler: Euler, Schedule type: Karras, Seed: 1, Sigma churn: 0.5, Sigma noise: 1.25, Schedule rho: 5, Discard penultimate sigma: True, Eta: 0.5");

        Assert.Equal("""{"discard_next_to_last_sigma":true,"rho":5,"s_churn":0.5,"s_noise":1.25}""", metadata.Info.SchedulerOptions);
        Assert.EndsWith("ignored: Eta: 0.5.", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Clip skip: 1, Version: v1.10.1", MetadataSource.A1111, "A1111", null, null)]
    [InlineData("Clip skip: 3, Emphasis: No norm, Version: v1.10.1", MetadataSource.A1111, "A1111", "NoNorm", 3)]
    [InlineData("Emphasis: Original", MetadataSource.A1111, "A1111", null, null)]
    [InlineData("RNG: CPU", MetadataSource.PowerShell, null, null, null)]
    [InlineData("RNG: CPU, Version: v1.10.1", MetadataSource.A1111, "A1111", null, null)]
    [InlineData("RNG: CPU, Emphasis: NoNorm", MetadataSource.PowerShell, "A1111", "NoNorm", null)]
    [InlineData("Version: StableDiffusion.PowerShell 0.1.0", MetadataSource.PowerShell, null, null, null)]
    [InlineData("RNG: NV, Version: StableDiffusion.PowerShell 9.0.0-preview", MetadataSource.PowerShell, null, null, null)]
    [InlineData("RNG: CPU, Version: StableDiffusion.PowerShellish 1", MetadataSource.A1111, "A1111", null, null)]
    [InlineData("Version: ComfyUI", MetadataSource.ComfyUI, "ComfyUI", null, null)]
    public void How_the_prompt_is_read_is_told(string settings, MetadataSource source, string? syntax, string? emphasis, int? clipSkip)
    {
        ImageMetadata metadata = ReadInfotext($"p\nSteps: 1, Sampler: Euler, Seed: 5, {settings}");

        Assert.Equal((source, syntax, emphasis, clipSkip), (metadata.Source, metadata.Info.PromptSyntax, metadata.Info.Emphasis, metadata.Info.ClipSkip));
        Assert.Empty(metadata.Warnings);
    }

    [Theory]
    [InlineData("Sampler: DPM++ 2M", "Version: StableDiffusion.PowerShell 0.1.0", "DPM++ 2M")]
    [InlineData("Sampler: DPM++ 2M, Schedule type: Karras", "Version: StableDiffusion.PowerShell 0.1.0", "DPM++ 2M Karras")]
    [InlineData("Sampler: A1111 DPM++ 2M, Schedule type: Karras", "Version: StableDiffusion.PowerShell 0.1.0", "A1111 DPM++ 2M Karras")]
    [InlineData("Sampler: DPM++ 2M, Schedule type: Karras", "Scheduler: A1111 DPM++ 2M Karras, Version: StableDiffusion.PowerShell 0.1.0", "A1111 DPM++ 2M Karras")]
    [InlineData("Sampler: DPM++ 2M, Schedule type: Karras", "Version: v1.10.1", "A1111 DPM++ 2M Karras")]
    [InlineData("Sampler: DPM++ 2M, Schedule type: Karras", "RNG: CPU", "DPM++ 2M Karras")]
    public void Whose_sampler_is_meant_is_told_by_the_version(string sampler, string settings, string expected)
    {
        ImageMetadata metadata = ReadInfotext($"p\nSteps: 1, {sampler}, Seed: 5, {settings}");

        Assert.Equal(expected, metadata.Info.Scheduler);
        Assert.Empty(metadata.Warnings);
    }

    [Fact]
    public void The_scheduler_of_another_tools_setting_is_left_out_with_a_word()
    {
        ImageMetadata metadata = ReadInfotext("p\nSteps: 1, Sampler: Euler, Seed: 5, Scheduler: odd");

        Assert.Contains("Scheduler: odd", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_scheduler_is_found_again_from_the_infotext_alone()
    {
        foreach (RandomSource source in Enum.GetValues<RandomSource>())
        {
            foreach (SchedulerInfo scheduler in SchedulerCatalog.All)
            {
                ImageMetadata metadata = ReadInfotext(StableDiffusion.Metadata.Infotext.Format(new GenerationInfo { Prompt = "p", Seed = 1, Scheduler = scheduler.Name, RandomSource = source.ToString() }));

                Assert.Equal((scheduler.Name, null, source.ToString()), (metadata.Info.Scheduler, metadata.Info.SchedulerOptions, metadata.RandomSource));
                Assert.Empty(metadata.Warnings);
            }
        }
    }

    [Fact]
    public void What_SDXL_was_told_is_read_from_the_own_infotext_alone()
    {
        MicroConditioning told = new()
        {
            OriginalWidth = 2048, OriginalHeight = 1024, CropTop = 8, CropLeft = 16, TargetWidth = 512, TargetHeight = 640, AestheticScore = 6.5, NegativeAestheticScore = 0,
        };
        string text = StableDiffusion.Metadata.Infotext.Format(new GenerationInfo { Prompt = "p", Seed = 1, Steps = 2, ImageGuidanceScale = 1.7, MicroConditioning = told });

        ImageMetadata metadata = ReadInfotext(text);

        Assert.Equal((told, 1.7), (metadata.Info.MicroConditioning, metadata.ImageGuidanceScale));
        Assert.Equal((2048, 1024, 8, 16), (metadata.OriginalWidth, metadata.OriginalHeight, metadata.CropTop, metadata.CropLeft));
        Assert.Equal((512, 640, 6.5, 0), (metadata.TargetWidth, metadata.TargetHeight, metadata.AestheticScore, metadata.NegativeAestheticScore));
        Assert.Empty(metadata.Warnings);

        ImageMetadata others = ReadInfotext("p\nSteps: 1, Sampler: Euler, Seed: 5, Aesthetic score: 5.9, Version: v1.10.1");
        Assert.Null(others.Info.MicroConditioning);
        Assert.Contains("Aesthetic score: 5.9", Assert.Single(others.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Crop", "Crop")]
    [InlineData("None", null)]
    [InlineData("9", null)]
    public void The_resize_mode_is_read_from_the_own_infotext_alone(string text, string? expected)
    {
        Assert.Equal(expected, ReadInfotext($"p\nSteps: 1, Sampler: Euler, Seed: 5, Resize mode: {text}, RNG: CPU").ResizeMode);
        Assert.Null(ReadInfotext($"p\nSteps: 1, Sampler: Euler, Seed: 5, Resize mode: {text}, Version: v1.10.1").ResizeMode);
    }

    [Fact]
    public void Regions_of_ADetailer_are_read_and_written_under_its_keys()
    {
        DetailSettings detail = new() { Detailer = "face_yolov8n", DetailPrompt = "a face, smiling", DetailConfidence = 0.3, DetailDilation = -4, DetailMaskBlur = 4, DetailPadding = 32, DetailStrength = 0.4, DetailSteps = 28, DetailGuidanceScale = 6, DetailScheduler = "A1111 Euler a", DetailFirst = 2 };
        const string text = "p\nSteps: 20, Sampler: Euler, Seed: 5, ADetailer model: face_yolov8n.pt, ADetailer prompt: \"a face, smiling\", ADetailer confidence: 0.3, ADetailer mask only top k largest: 2, ADetailer dilate erode: -4, ADetailer mask blur: 4, ADetailer denoising strength: 0.4, ADetailer inpaint only masked: True, ADetailer inpaint padding: 32, ADetailer use separate steps: True, ADetailer steps: 28, ADetailer use separate CFG scale: True, ADetailer CFG scale: 6.0, ADetailer use separate sampler: True, ADetailer sampler: Euler a, ADetailer version: 24.11.1, Version: v1.10.1";

        ImageMetadata metadata = ReadInfotext(text);

        Assert.Equal(detail, metadata.Info.Detail);
        Assert.Empty(metadata.Warnings);
        ImageMetadata own = ReadInfotext(StableDiffusion.Metadata.Infotext.Format(new GenerationInfo { Prompt = "p", Seed = 5, Steps = 20, Scheduler = "Euler", Detail = detail }));
        Assert.Equal(detail, own.Info.Detail);
        Assert.Empty(own.Warnings);

        // What is not honoured is named.
        string warnings = string.Join('\n', ReadInfotext(text.Replace("only masked: True", "only masked: False", StringComparison.Ordinal).Replace(", Version", ", ADetailer restore face: True, ADetailer model 2nd: hand.pt, Version", StringComparison.Ordinal)).Warnings);
        Assert.All((string[])["ADetailer inpaint only masked: False", "ADetailer restore face: True", "ADetailer model 2nd: hand.pt"], part => Assert.Contains(part, warnings, StringComparison.Ordinal));
        Assert.Null(ReadInfotext("p\nSteps: 20, Sampler: Euler, Seed: 5, ADetailer confidence: 0.3, Version: v1.10.1").Info.Detail);
    }

    [Fact]
    public void What_has_no_counterpart_is_told()
    {
        ImageMetadata metadata = ReadInfotext("<lora:x:0.8> cat\nSteps: 0, Sampler: Odd, CFG scale: nan, Seed: -5, Size: 99999999999x8, Denoising strength: 0.5, Hires checkpoint: x, RNG: TPU, Clip skip: two");

        Assert.Equal(new GenerationInfo { Prompt = "<lora:x:0.8> cat", NegativePrompt = "", PromptSyntax = "A1111", Scheduler = "Odd", Height = 8 }, metadata.Info);
        string warnings = string.Join('\n', metadata.Warnings);
        Assert.All(
            (string[])["'0' of 'Steps'", "'Odd'", "'nan' of 'CFG scale'", "'-5' of 'Seed'", "of 'Size-1'", "'two' of 'Clip skip'", "'<lora:", "Denoising strength: 0.5, Hires checkpoint: x"],
            part => Assert.Contains(part, warnings, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "Cuda")]
    [InlineData(", RNG: NV", "Cuda")]
    [InlineData(", RNG: CPU", "TorchCpu")]
    [InlineData(", RNG: TPU", null)]
    public void The_generator_of_the_seed_is_told(string setting, string? expected)
    {
        ImageMetadata metadata = ReadInfotext($"p\nSteps: 1, Sampler: Euler, Seed: 5{setting}");

        Assert.Equal(expected, metadata.RandomSource);
        Assert.Equal(expected is null ? 1 : 0, metadata.Warnings.Count);
    }

    [Fact]
    public void A_user_comment_counts_before_the_text_of_a_PNG_file()
    {
        byte[] exif = Exif([.. "ASCII\0\0\0"u8, .. "of the comment"u8]);

        Assert.Equal("of the comment", Read(Png(TextChunk("parameters", "of the text"), Chunk("eXIf", exif))).Info.Prompt);
    }

    [Fact]
    public void Comments_of_other_tools_are_no_prompts()
    {
        ImageMetadata jpeg = Read(Jpeg((0xFE, [.. "CREATOR: gd-jpeg v1.0, quality = 90"u8])));
        ImageMetadata png = Read(Png(TextChunk("Comment", "Created with GIMP"), TextChunk("parameters", "{\"sui_image_params\": {}}")));
        ImageMetadata none = Read(Png());

        Assert.All((ImageMetadata[])[jpeg, png, none], metadata => Assert.Equal((MetadataSource.Unknown, new GenerationInfo()), (metadata.Source, metadata.Info)));
        Assert.Contains("named Comment", Assert.Single(jpeg.Warnings), StringComparison.Ordinal);
        Assert.Contains("named Comment, parameters", Assert.Single(png.Warnings), StringComparison.Ordinal);
        Assert.Contains("contains no generation settings", Assert.Single(none.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Seed", "-2")]
    [InlineData("Steps", "0")]
    [InlineData("Width", "-8")]
    [InlineData("BatchIndex", "-1")]
    [InlineData("GuidanceScale", "101")]
    [InlineData("Lora", "\"notjson\"")]
    [InlineData("TextualInversion", "\"{}\"")]
    [InlineData("SchedulerOptions", "\"[]\"")]
    [InlineData("ResizeMode", "\"x\"")]
    [InlineData("RandomSource", "\"x\"")]
    [InlineData("Emphasis", "\"x\"")]
    [InlineData("PromptSyntax", "\"x\"")]
    public void A_setting_of_a_record_that_cannot_be_used_is_ignored_with_a_warning(string name, string json)
    {
        ImageMetadata metadata = Read(Png(TextChunk(ImageTexts.RecordName, $"{{\"Prompt\":\"a cat\",\"{name}\":{json}}}")));

        Assert.Equal([$"The value '{json.Trim('"')}' of '{name}' cannot be used; it was ignored."], metadata.Warnings);
        Assert.Equal(new GenerationInfo { Prompt = "a cat" }, metadata.Info);
    }

    [Fact]
    public void The_settings_of_a_record_that_can_be_used_stay()
    {
        GenerationInfo info = new()
        {
            Prompt = "a cat", Seed = 0, Steps = 1, Lora = "[\"a:0.5\"]", TextualInversion = "[\"b\"]", SchedulerOptions = "{\"use_karras_sigmas\":true}", ResizeMode = "Crop",
            RandomSource = "Cuda", Emphasis = "NoNorm", PromptSyntax = "A1111", MicroConditioning = new MicroConditioning { CropTop = 8 }, LoraHashes = "a: 1", ModelHash = "0123456789",
        };

        ImageMetadata metadata = Read(Png(TextChunk(ImageTexts.RecordName, GenerationRecord.Write(info))));

        Assert.Empty(metadata.Warnings);
        Assert.Equal(info, metadata.Info);
    }

    private ImageMetadata ReadInfotext(string text) => Read(Png(TextChunk("parameters", text)));

    private ImageMetadata Read(byte[] file)
    {
        File.WriteAllBytes(_folder["file"], file);
        return MetadataReader.Read(_folder["file"]);
    }
}
