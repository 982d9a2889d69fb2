using System.Text;
using StableDiffusion.Adapters;
using StableDiffusion.Building;
using StableDiffusion.Fuzz.Mutations;
using StableDiffusion.Library;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Storage;
using StableDiffusion.Tests;
using StableDiffusion.Text;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>The readers of a model's configs, its tokenizer and its manifest.</summary>
internal static class ConfigTargets
{
    private const int Steps = 4;
    private const string HashedFile = "@hashed file@";

    private static readonly string Key = new('b', 32);

    private static readonly Lazy<string> s_model = new(() => CopyModel("model"));
    private static readonly Mutation[] s_merges = [.. new TextMutations(" ", "\n", "</w>", "#version: 0.2\n", "a b\n", "th e</w>\n", "Ġ", "  ").All];

    /// <summary>All of them.</summary>
    public static IEnumerable<FuzzTarget> All()
    {
        yield return Config("unet-config", Demo("unet", "config.json"), static file => UNetConfig.From(file).SkipLevels.Count);
        yield return Config("vae-config", Demo("vae", "config.json"), static file => VaeConfig.From(file).Factor);
        yield return Config("tiny-vae-config", Repository.Data("taesd", "taesd-diffusers", "config.json"), static file => VaeTraits.From(file).Factor);
        yield return Config("text-config", Demo("text_encoder", "config.json"), ClipTextConfig.From);
        yield return Config("controlnet-config", Repository.Data("adapters", "sd1-controlnet", "config.json"), ControlNetConfig.From);
        yield return new DelegateTarget("peft-rotation", JsonMutations.All, static () => [Encoding.UTF8.GetBytes("""{"peft_type":"OFT","oft_block_size":8,"coft":false,"block_share":false,"use_cayley_neumann":true,"num_cayley_neumann_terms":5,"peft_version":"0.18.1"}""")], static data =>
        {
            PeftRotation.Parse(data, "'adapter_config.json'");
            return [];
        });
        yield return Config("model-index", Demo("model_index.json"), PipelineConfig.From);
        yield return new DelegateTarget("scheduler-config", JsonMutations.All, () => Files(Demo("scheduler", "scheduler_config.json"), Repository.Data("exports", "current", "scheduler", "scheduler_config.json")), ReadScheduler);
        yield return Part("generation-config", "generation_config.json");
        yield return Part("model-unet-config", "unet", "config.json");
        yield return Part("model-vae-config", "vae", "config.json");
        yield return Part("model-folder-index", "model_index.json");
        yield return Tokenizer("tokenizer-vocabulary", "vocab.json", JsonMutations.All);
        yield return Tokenizer("tokenizer-merges", "merges.txt", s_merges);
        yield return Tokenizer("tokenizer-config", "tokenizer_config.json", JsonMutations.All);
        yield return Tokenizer("tokenizer-specials", "special_tokens_map.json", JsonMutations.All);
        yield return new DelegateTarget("tokenizer-json", JsonMutations.All, FastTokenizers, static data => Tokenize(FuzzFiles.Write(data, "fast", "tokenizer.json")));
        yield return new DelegateTarget("manifest", JsonMutations.All, Manifests, ReadManifest);
        yield return new DelegateTarget("model-name", s_merges, static () => [Encoding.UTF8.GetBytes(Key + "\n"), .. Manifests().Select(static manifest => (byte[])[.. Encoding.UTF8.GetBytes(Key + "\n"), .. manifest])], ReadName);
        yield return new DelegateTarget("remembered-hashes", JsonMutations.All, static () => [Encoding.UTF8.GetBytes(File.ReadAllText(WriteHashes()).Replace(FuzzFiles.PathOf("hashed.bin"), HashedFile, StringComparison.Ordinal))], ReadHashes);
    }

    private static string Demo(params string[] parts) => Path.Combine([Repository.DemoModel, .. parts]);

    private static IEnumerable<byte[]> Files(params string[] paths) => paths.Select(File.ReadAllBytes);

    private static DelegateTarget Config(string name, string valid, Func<ConfigFile, object> read) => new(name, JsonMutations.All, () => Files(valid), data =>
    {
        read(ConfigFile.Read(FuzzFiles.Write(data, "config.json")));
        return [];
    });

    /// <summary>A file of a whole model: what the listing of models reads.</summary>
    private static DelegateTarget Part(string name, params string[] parts) => new(name, JsonMutations.All, () => Files(Demo(parts)), data =>
    {
        string path = Path.Combine([s_model.Value, .. parts]);
        byte[] whole = File.ReadAllBytes(path);
        try
        {
            File.WriteAllBytes(path, data);
            ModelInfo info = ModelReader.Read("model", s_model.Value);
            DiffusersFolder.Find(s_model.Value).Open().Dispose();
            return [info.Family, info.Scheduler, info.PredictionType];
        }
        finally
        {
            File.WriteAllBytes(path, whole);
        }
    });

    private static string CopyModel(string name)
    {
        foreach (string file in Directory.EnumerateFiles(Repository.DemoModel, "*", SearchOption.AllDirectories))
            File.Copy(file, FuzzFiles.PathOf(name, Path.GetRelativePath(Repository.DemoModel, file)));

        return FuzzFiles.PathOf(name);
    }

    private static IEnumerable<string> ReadScheduler(byte[] data)
    {
        SchedulerConfig config = SchedulerConfig.Load(FuzzFiles.Write(data, "scheduler_config.json"));
        SchedulerInfo info = SchedulerCatalog.Default(config);
        Scheduler scheduler = SchedulerCatalog.Create(info, config, Steps);
        return [info.Name, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{scheduler.InitNoiseSigma}")];
    }

    private static DelegateTarget Tokenizer(string name, string file, IReadOnlyList<Mutation> mutations) => new(name, mutations, () => Files(Demo("tokenizer", file)), data =>
    {
        foreach (string other in Directory.EnumerateFiles(Demo("tokenizer")))
            File.Copy(other, FuzzFiles.PathOf(name, Path.GetFileName(other)), overwrite: true);
        return Tokenize(FuzzFiles.Write(data, name, file));
    });

    private static IEnumerable<string> Tokenize(string file)
    {
        ClipTokenizer tokenizer = ClipTokenizer.Load(Path.GetDirectoryName(file)!);
        tokenizer.Encode("a purple heart on white, (very) détaillé 😀 123");
        return [];
    }

    private static IEnumerable<byte[]> FastTokenizers()
    {
        string vocabulary = File.ReadAllText(Demo("tokenizer", "vocab.json"));
        string merges = string.Join(',', File.ReadLines(Demo("tokenizer", "merges.txt")).Skip(1).Where(static line => line.Length > 0).Select(static line => System.Text.Json.JsonSerializer.Serialize(line)));
        string fast = $$"""
            {"version":"1.0","added_tokens":[{"id":1,"content":"<|startoftext|>","special":true},{"id":2,"content":"<|endoftext|>","special":true}],
            "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]},"model":{"type":"BPE","end_of_word_suffix":"</w>","unk_token":"<|endoftext|>","vocab":{{vocabulary}},"merges":[{{merges}}]} }
            """;
        yield return Encoding.UTF8.GetBytes(fast);
    }

    private static IEnumerable<byte[]> Manifests()
    {
        string hash = new('a', 64);
        yield return Encoding.UTF8.GetBytes($$$"""{"source":{"kind":"hub","id":"owner/name","revision":"{{{hash}}}","requested":"main"},"files":{"unet/config.json":{"length":12,"sha256":"{{{hash}}}"},"a.safetensors":{"length":5000000000,"sha256":"{{{hash}}}"} } }""");
    }

    /// <summary>A file of the store: the name of a model.</summary>
    private static IEnumerable<string> ReadName(byte[] data)
    {
        ContentStore store = new(FuzzFiles.PathOf("store"));
        FuzzFiles.Write(data, Path.GetRelativePath(FuzzFiles.PathOf(), store.FileOf("name")));
        _ = store.ReadOrigin("name");
        return store.ReadKey("name") is string key ? [key, store.FindContent(key) ?? string.Empty] : [];
    }

    private static string WriteHashes()
    {
        FileHashes hashes = FileHashes.Open(FuzzFiles.PathOf("hashes"), "source");
        hashes.Note(FuzzFiles.Write(new byte[1 << 17], "hashed.bin"), new string('a', 64));
        hashes.Save();
        return Directory.EnumerateFiles(FuzzFiles.PathOf("hashes"), "*", SearchOption.AllDirectories).Single();
    }

    private static IEnumerable<string> ReadHashes(byte[] data)
    {
        // The folder has another name in each process.
        File.WriteAllText(WriteHashes(), Encoding.UTF8.GetString(data).Replace(HashedFile, FuzzFiles.PathOf("hashed.bin"), StringComparison.Ordinal));
        FileHashes hashes = FileHashes.Open(FuzzFiles.PathOf("hashes"), "source");
        string hash = hashes.Get(FuzzFiles.PathOf("hashed.bin"), static _ => { }, CancellationToken.None);
        hashes.Save();
        return [hash];
    }

    private static IEnumerable<string> ReadManifest(byte[] data)
    {
        string path = FuzzFiles.Write(data, "manifest", ModelManifest.FileName);
        ModelManifest? manifest = ModelManifest.Read(Path.GetDirectoryName(path)!);
        return manifest?.Compare(Path.GetDirectoryName(path)!, CancellationToken.None) ?? [];
    }
}
