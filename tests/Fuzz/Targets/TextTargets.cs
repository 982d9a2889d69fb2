using System.Text;
using System.Text.Json;
using StableDiffusion.Adapters;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Batches.Jobs;
using StableDiffusion.Batches.Tables;
using StableDiffusion.Comparison;
using StableDiffusion.Detecting;
using StableDiffusion.Fuzz.Mutations;
using StableDiffusion.Hub;
using StableDiffusion.Images;
using StableDiffusion.Images.Sheets;
using StableDiffusion.Metadata;
using StableDiffusion.Prompts;
using StableDiffusion.Prompts.Templates;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Sweeps;
using StableDiffusion.Storage;
using StableDiffusion.Tests;
using StableDiffusion.Tests.Metadata;
using StableDiffusion.Text;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>The readers of texts: prompts, names, options, and the settings that tools record with an image.</summary>
internal static class TextTargets
{
    private const int Steps = 20;
    private const string NovelAi = "novelai";

    private static readonly GenerationInfo s_settings = new()
    {
        Prompt = "a cat", Seed = 42, Steps = 20, Width = 512, Height = 512, GuidanceScale = 7.5, Scheduler = "Euler", SchedulerOptions = """{"eta":0.5}""", Lora = """["style:0.8"]""",
        ControlNets = [new ControlNetInfo { Name = "canny", Hash = "0123456789", Preprocessor = "Canny", Scale = 1, Start = 0, End = 1 }],
    };

    private static readonly Lazy<ClipTokenizer> s_tokenizer = new(() => ClipTokenizer.Load(Path.Combine(Repository.DemoModel, "tokenizer")));

    private static readonly IReadOnlyList<Mutation> s_prompt = new TextMutations(
        "(", ")", "[", "]", "{", "}", ":", "|", "\\", "\\(", "AND", " AND ", "BREAK", "\nBREAK\n", "<lora:a:1>", "<lyco:a:te=0.5:unet=1>", "<hypernet:a:1>", "<", ">", "1.5", ":1.2)", ":0.5]", ":-1)", ":1e999)",
        "embedding:", "[a:b:0.5]", "[a|b|c]", "[a::5]", "__wild__", "#", "$", ",", "\n", "a", "日本", "😀", "é", "\u200d", "\ud83d").All;

    private static readonly IReadOnlyList<Mutation> s_template = new TextMutations(
        "{", "}", "|", "::", "$$", "2$$", "1-3$$", "-", "99999999999$$", "__", "__a__", "__*__", "${", "${x}", "${x=", "=!", "?=", ":", "%{", "...", "(", ")", "#", "//", "/*", "*/", "~", "!", "@", "0.5::", "1e999::", "\n", "a", "日", "\ud83d").All;

    private static readonly IReadOnlyList<Mutation> s_wildcards = new TextMutations("\n", "  ", "- ", ": ", "a", "2::", "{", "}", "[", "]", "&a ", "*a", "!!int ", "|\n", "\"", "'", "#", "---\n", "...\n", "<<: *a", "? ", "\t", "\ud83d").All;

    private static readonly IReadOnlyList<Mutation> s_table = new TextMutations("\"", "\"\"", ",", ";", "\t", "\n", "\r\n", "\r", "sep=,\n", "#TYPE a\n", " ", "\"a", "a\"", ",\"\",", "Prompt", "\u0000", "\ufffd", "\ud83d").All;

    private static readonly Lazy<Wildcards> s_lists = new(static () => new Wildcards([Repository.Data("wildcards")]));

    private static readonly IReadOnlyList<Mutation> s_infotext = new TextMutations(
        ", ", ": ", "\n", "\"", "\\", "{", "}", "x", "Steps: 20", "Sampler: ", "Schedule type: Karras", "CFG scale: ", "Seed: ", "Size: 512x768", "Size: 99999999999x-1", "Model: /etc/passwd", "Model hash: ", "Clip skip: ",
        "Negative prompt: ", "Denoising strength: ", "Lora hashes: \"a: b\"", "TI hashes: \"a: b\"", "Version: v1.10", "Hires upscale: 2", "ADetailer model: face.pt", "ADetailer dilate erode: -4", "ADetailer sampler: ", "RNG: CPU", "ENSD: 31337", "Scheduler options: {}", "Variation seed: ", "ControlNet 0: \"a: b\"", "NaN", "1e999", "-1").All;

    /// <summary>All of them.</summary>
    public static IEnumerable<FuzzTarget> All()
    {
        foreach (PromptSyntax syntax in Enum.GetValues<PromptSyntax>())
            yield return Prompt(syntax);

        yield return DelegateTarget.OfText("prompt-template", s_template, ["a {2$$ and $$red|3::blue} __!form__ ${x=!{a|b}}${x} %{a ... b$$c}", "__{form|season}(x=1)__ {@a|~b} /* c */ # d", "{1-3$$__form__}{-2$$a|{b|c}}${x:a}"], DrawTemplate);
        yield return DelegateTarget.OfText("wildcards-yaml", s_wildcards, ["a:\n  b:\n    - 2::red\n    - {text: blue, weight: 0.5}\n  c: x\n"], static text => ReadWildcards("a.yaml", text));
        yield return DelegateTarget.OfText("wildcards-json", JsonMutations.All, ["""{"a":{"b":["2::red",{"text":"blue","weight":0.5}],"c":"x"}}"""], static text => ReadWildcards("a.json", text));
        yield return Metadata("infotext", s_infotext, "parameters", Infotexts());
        yield return Metadata("comfyui", JsonMutations.All, "prompt", ["""{"3":{"class_type":"KSampler","inputs":{"seed":1,"steps":20,"cfg":8,"sampler_name":"euler","scheduler":"karras","denoise":1,"model":["4",0],"positive":["6",0],"negative":["7",0],"latent_image":["5",0]}},"4":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"a.safetensors"}},"5":{"class_type":"EmptyLatentImage","inputs":{"width":512,"height":512,"batch_size":1}},"6":{"class_type":"CLIPTextEncode","inputs":{"text":"a cat","clip":["10",1]}},"7":{"class_type":"CLIPTextEncode","inputs":{"text":["11",0],"clip":["4",1]}},"8":{"class_type":"VAEDecode","inputs":{"samples":["3",0],"vae":["4",2]}},"9":{"class_type":"SaveImage","inputs":{"filename_prefix":"a","images":["8",0]}},"10":{"class_type":"LoraLoader","inputs":{"lora_name":"b","strength_model":1,"strength_clip":1,"model":["4",0],"clip":["4",1]}},"11":{"class_type":"PrimitiveString","inputs":{"value":"blurry"}}}"""]);
        yield return Metadata("invokeai", JsonMutations.All, "invokeai_metadata", ["""{"generation_mode":"txt2img","positive_prompt":"a cat","negative_prompt":"","width":512,"height":768,"seed":42,"rand_device":"cpu","cfg_scale":7.5,"cfg_rescale_multiplier":0,"steps":30,"scheduler":"dpmpp_2m_k","clip_skip":0,"model":{"name":"a","base":"sd-1"},"strength":0.5,"loras":[{"model":{"name":"b"},"weight":0.7}],"app_version":"5.0"}"""]);
        yield return Metadata(NovelAi, JsonMutations.All, "Comment", ["""{"steps":28,"height":1216,"width":832,"scale":5,"seed":42,"sampler":"k_euler_ancestral","noise_schedule":"karras","cfg_rescale":0,"uc":"blurry","prompt":"a cat","request_type":"PromptGenerateRequest","strength":0.7}"""]);
        yield return Metadata("record", JsonMutations.All, ImageTexts.RecordName, [GenerationRecord.Write(s_settings)]);
        yield return new DelegateTarget("metadata-copy", JsonMutations.All, static () => [new ImageMetadata(MetadataSource.A1111, new GenerationInfo { Prompt = "a cat", Seed = 42 }, "Cuda") { Settings = new Dictionary<string, string> { ["Steps"] = "20" }, Entries = [new TextEntry("tEXt", "parameters", "a cat")], Warnings = ["a"], Path = "a.png" }.ToBytes()], static data => ImageMetadata.FromBytes(data).Warnings);
        yield return DelegateTarget.OfText("scheduler-options", JsonMutations.All, ["""{"timestep_spacing":"trailing","eta":0.5,"use_karras_sigmas":true,"solver_order":2,"timesteps":[999,500,1],"rescale_betas_zero_snr":false}"""], ReadOptions);
        yield return DelegateTarget.OfText("names", new TextMutations("/", "\\", "..", "@", ":", "--", ".", "~", "%2f", "CON", " ", "main", "C:", "//", "\u0000").All, ["owner/name@main", "a-lora:0.5:1", "a-lora:0.5;lbw=MIDD", "1,0,0.5,0,0,0,0,0,0,0,1,-1", "Euler a", "unet/config.json"], ReadName);
        yield return DelegateTarget.OfText("detector-names", new TextMutations("{", "}", "[", "]", "'", "\"", "\\", ":", ",", "0", "99999999999", " ", "\n", "None", "\ud83d").All, ["{0: 'face', 1: \"dog's\"}", "['a', 'b']", "{'0': 'a\\'b'}"], static text => [.. DetectorLabels.Read(text).Values]);
        yield return DelegateTarget.OfText("region-mask", new TextMutations(" ", "-", "0", "1", "4096", "99999999999", "x", "\u0000").All, ["100 20 80 20 3876", "0 4096", "4096"], static text => [RegionMask.From(new StageList().Append(StageOperation.RegionMask, "0", ("Width", 64L), ("Height", 64L), (RegionMask.RunsSetting, text))[0]).ToString()]);
        yield return new DelegateTarget("journal", JsonMutations.All, static () => [Bytes("""{"time":"2026-01-02T03:04:05+00:00","status":"Made","row":"Row 1 ('a')","file":"/a.png","settings":{"Prompt":"a","Seed":1,"Steps":2},"pixels":"0123456789abcdef","seconds":1.5,"device":"Cpu"}""" + "\n" + """{"time":"2026-01-02T03:04:05+00:00","status":"Failed","errorId":"StepsInvalid","message":"a"}"""), Bytes("\r\n{\"time\":")], ReadJournal);
        yield return DelegateTarget.OfText("table-csv", s_table, ["Prompt,Seed,Steps\r\n\"a \"\"red\"\"\nhouse\",1,5\r\na,2,\r\n,,\r\n\"b,3,5\r\nc,4,5", "sep=;\nPrompt;Seed;\n a b ;1;;\n\"c;\nd\" ;2;\n", "Prompt\tOutFile\ra\tb.png\r"], static text => ReadTable("a.csv", Bytes(text)));
        yield return new DelegateTarget("table-bytes", new TextMutations("\"", ",", "\r", "\n", "\u0000", "\ufeff", "\u732b").All, static () => [Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("Prompt,Seed\r\n\u732b,1\r\n")).ToArray(), Encoding.UTF8.GetPreamble().Concat(Encoding.Latin1.GetBytes("Prompt,Seed\ncaf\u00e9,1\n")).ToArray()], static data => ReadTable("a.csv", data));
        yield return new DelegateTarget("table-jsonl", JsonMutations.All, static () => [Bytes("""{"Prompt":"a","Seed":1,"Steps":5.5,"ControlScale":[0.5,1],"SchedulerOption":{"eta":0.5},"SharedGenerator":true,"Model":null}""" + "\n\n[1]\n{\"Prompt\":\"b\"}\n{\"Pro"), Bytes("""{"Prompt":"\ud83d\ude00 a","seed":1,"Seed":2}""")], static data => ReadTable("a.jsonl", data));
        yield return new DelegateTarget("table-json", JsonMutations.All, static () => [Bytes("""[{"Prompt":"a","Seed":1},""" + "\n" + """ {"Prompt":"b","Lora":["x:0.5","y"]}, 5]"""), Bytes("""{"Prompt":"a"}"""), Encoding.BigEndianUnicode.GetPreamble().Concat(Encoding.BigEndianUnicode.GetBytes("""[{"Prompt":"a"}]""")).ToArray()], static data => ReadTable("a.json", data));
        yield return new DelegateTarget("job", JsonMutations.All, static () => [new JobRecord { Backend = JobBackend.Slurm, SlurmId = "12", Submitted = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), Table = "table.csv", Rows = 2, Images = 8, Count = 4, ArraySize = 2 }.Format()], static data => [JobRecord.Parse(data, "job.json").ToString()]);
        yield return new DelegateTarget("job-worker", JsonMutations.All, static () => [Bytes("""{"host":"a","processId":12345,"started":"2026-01-02T03:04:05.0000000Z"}""")], static data => [$"{WorkerRecord.Parse(data)}"]);
        yield return new DelegateTarget("claim", JsonMutations.All, static () => [(ClaimOwner.New() with { Job = "Slurm 12_3" }).Write(), Bytes("-0123")], static data => ClaimOwner.Read(data) is ClaimOwner owner ? [owner.ToString(), $"{owner.HasEnded}"] : [$"{ClaimFile.IsGivenUp(data)}"]);
        yield return DelegateTarget.OfText("sheet", JsonMutations.All, ["""[{"Operation":"Join","Settings":{"Columns":2,"Gap":1,"Rows":2,"Cells":[0,1,3],"RowLabels":["Steps 10","Steps 20"],"ColumnLabels":["Euler","DPM++ 2M Karras"],"Captions":["a","caf\u00e9 \u732b","b c"]}}]"""], ReadSheet);
        yield return DelegateTarget.OfText("number-range", new TextMutations("-", "+", " ", "(", ")", "[", "]", ",", ".", "0", "1", "99999999999", "(+1)", "[5]", "x", "\u0661").All, ["1-10 (+2), 12", "-0.5-1.5 [11]", "10-1 (-3)", "10 - 1 [4]"], static text => NumberRange.Read("Steps", text, isWhole: text.Length % 2 == 0).OfType<double>().Any(static value => !double.IsFinite(value)) ? throw new InvalidOperationException("A range has a value that is no number.") : []);
        yield return new DelegateTarget("hub-model", JsonMutations.All, () => [Bytes($$"""{"sha":"{{Hash(40)}}","siblings":[{"rfilename":"model_index.json","size":500,"blobId":"{{Hash(40)}}"},{"rfilename":"unet/diffusion_pytorch_model.safetensors","size":5000000000,"lfs":{"sha256":"{{Hash(64)}}","size":5000000000} },{"rfilename":"unet/config.json","size":50,"blobId":"{{Hash(40)}}"}]}""")], ReadModel);
        yield return new DelegateTarget("hub-tree", JsonMutations.All, () => [Bytes($$"""[{"type":"file","path":"README.md","size":500,"oid":"{{Hash(40)}}"},{"type":"directory","path":"unet"},{"type":"file","path":"model.safetensors","size":5000000000,"oid":"{{Hash(40)}}","lfs":{"oid":"{{Hash(64)}}","size":5000000000} }]""")], ReadTree);
    }

    private static IEnumerable<string> DrawTemplate(string text)
    {
        PromptTemplate template = new(text, s_lists.Value);
        template.Draw(1, 0);
        foreach (ExpandedPrompt prompt in template.All(1).Take(20))
            _ = prompt.Values;
        return [];
    }

    private static List<string> ReadJournal(byte[] data)
    {
        List<string> texts = [];
        texts.AddRange(Journal.Read(new MemoryStream(data), "a.jsonl", texts.Add, CancellationToken.None).Select(static entry => entry.ToString()));
        Journal.ParseOutcome(data);
        return texts;
    }

    private static List<string> ReadTable(string file, byte[] data)
    {
        List<string> texts = [];
        int line = 0;
        foreach (TableRow row in TableFile.Read(new MemoryStream(data), file, delimiter: null, CancellationToken.None))
        {
            if (row.Line < line || row.Cells.Any(static cell => cell.Key.Length == 0) || (row.Error is not null && row.Cells.Count > 0))
                throw new InvalidOperationException("A row is not in order.");
            line = row.Line;
            texts.Add(row.Error?.Message ?? $"{row}");
        }

        return texts;
    }

    private static IEnumerable<string> ReadSheet(string text)
    {
        StageList? stages;
        try
        {
            stages = JsonSerializer.Deserialize<StageList>(text);
        }
        catch (JsonException)
        {
            return [];
        }

        DiffusionImage[] images = [.. Enumerable.Range(0, 3).Select(static value => new DiffusionImage(2, 2, new byte[12]))];
        return [.. (stages ?? []).Select(stage => ImageGrid.Join(images, SheetLayout.Of(stage)).ToString())];
    }

    private static IEnumerable<string> ReadWildcards(string file, string text)
    {
        _ = Wildcards.Read(file, "a", text);
        return [];
    }

    private static DelegateTarget Prompt(PromptSyntax syntax) => DelegateTarget.OfText("prompt-" + syntax.ToString().ToLowerInvariant(), s_prompt, Prompts(), text =>
    {
        IReadOnlyList<PromptDiagnostic> found = PromptValidation.Check(text, syntax, Steps);
        ForeignSyntax.Find(text);
        ExtraNetworks.Find(text);
        DynamicPrompt.IsDynamic(text);
        DynamicPrompt.HasOneText(text);
        DynamicPrompt.FirstText(text);
        PromptChunker.Divide(new PromptTokenizer(s_tokenizer.Value, [], 1000, syntax), text, new PromptOptions { Syntax = syntax });
        FileNames.FromPrompt(text, 42, ".png");
        return found.Select(static diagnostic => diagnostic.ToString());
    });

    private static IEnumerable<string> Prompts()
    {
        using JsonDocument document = JsonDocument.Parse(System.IO.File.ReadAllBytes(Repository.Data("prompts-random.json")));
        string[] random = [.. Texts(document.RootElement).Where(static text => text.Length is > 8 and < 400).Take(40)];
        return ["a (red:1.3) house, [blue|green] roof, <lora:style:0.8:lbw=OUTALL> AND [day:night:0.5] :1.2 BREAK \\(not\\)", "((a)) [b] (embedding:my-style:1.1), {c|d}", .. random];
    }

    private static IEnumerable<string> Texts(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(static property => Texts(property.Value)),
        _ => [],
    };

    private static IEnumerable<string> Infotexts()
    {
        yield return "a cat <lora:a:0.5>\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 42, Size: 512x768, Model hash: abcdef1234, Model: a, Clip skip: 2, Denoising strength: 0.5, RNG: CPU, Lora hashes: \"a: b\", Version: v1.10.0";
        using JsonDocument document = JsonDocument.Parse(System.IO.File.ReadAllBytes(Repository.Data("infotext.json")));
        foreach (string text in Texts(document.RootElement).Where(static text => text.Contains("Steps: ", StringComparison.Ordinal) && text.Length < 2000).Take(30))
            yield return text;
    }

    /// <summary>The text that a tool records with an image, in a file as the tool writes it.</summary>
    private static DelegateTarget Metadata(string name, IReadOnlyList<Mutation> mutations, string keyword, IEnumerable<string> corpus) => DelegateTarget.OfText(name, mutations, corpus, text =>
    {
        byte[] file = MetadataFiles.Png([MetadataFiles.InternationalText(keyword, text, isDeflated: false), .. name == NovelAi ? (byte[][])[MetadataFiles.TextChunk("Software", "NovelAI")] : []]);
        ImageMetadata metadata = MetadataReader.Read(FuzzFiles.Write(file, name + ".png"));
        _ = Infotext.Format(metadata.Info);
        ImageComparison comparison = new(new DiffusionImage(1, 1, new byte[3], s_settings), new DiffusionImage(1, 1, new byte[3], metadata.Info));
        return [.. metadata.Warnings, comparison.Reason, .. comparison.SettingDifferences.Select(static difference => difference.ToString())];
    });

    private static IEnumerable<string> ReadOptions(string text)
    {
        Dictionary<string, object?>? options = SchedulerOptionText.Read(text);
        SchedulerConfig config = SchedulerConfig.Parse("""{"_class_name":"EulerDiscreteScheduler"}""");
        return [.. new[] { "DPM++ 2M", "DDIM", "Euler" }.Select(name => Refusal(() => SchedulerCatalog.Create(SchedulerCatalog.Find(name), config, Steps, options)))];
    }

    private static IEnumerable<string> ReadName(string text)
    {
        ModelFilePath.IsSafe(text);
        return
        [
            ModelFilePath.Printable(text),
            Refusal(() => HubRepository.Parse(text, null)),
            Refusal(() => Lora.Parse(text, static name => throw new AdapterNotFoundException($"There is no LoRA '{name}'."))),
            Refusal(() => BlockWeights.Parse(text)),
            Refusal(() => SchedulerCatalog.Find(text)),
        ];
    }

    /// <summary>The message of the typed error that refuses something; empty if nothing is refused.</summary>
    private static string Refusal(Action read)
    {
        try
        {
            read();
            return string.Empty;
        }
        catch (DiffusionException error)
        {
            return error.Message;
        }
    }

    private static string Hash(int length) => new('a', length);

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static IEnumerable<string> ReadModel(byte[] data) =>
        new HubListingReader(Subject, default).ReadModel(data).Files is { } files ? Choose(files) : [];

    private static IEnumerable<string> ReadTree(byte[] data)
    {
        HubListingReader reader = new(Subject, default);
        reader.AddTree(data);
        return Choose(reader.Files);
    }

    private static HubSubject Subject { get; } = new(new HubRepository("owner/name", "main"));

    private static IEnumerable<string> Choose(IReadOnlyList<HubFile> files)
    {
        new HubFileChoice(Subject.Repository, files).Choose(new HubRequest { Id = Subject.Repository.Id });
        return [];
    }
}
