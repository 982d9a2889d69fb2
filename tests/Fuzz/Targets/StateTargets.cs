using StableDiffusion.Denoising;
using StableDiffusion.Fuzz.Mutations;
using StableDiffusion.Manifests;
using StableDiffusion.Noise;
using StableDiffusion.Prompts;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Denoising;
using StableDiffusion.Text;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>The readers of latents, embeddings and manifests.</summary>
internal static class StateTargets
{
    private static readonly Mutation[] s_mutations = [TensorFileMutations.Header, TensorFileMutations.Metadata, TensorFileMutations.Metadata, TensorFileMutations.Metadata];

    private static readonly LatentSpace s_space = new("model", Channels: 4, Factor: 8, ScalingFactor: 0.13f);

    /// <summary>All of them.</summary>
    public static IEnumerable<FuzzTarget> All()
    {
        yield return new DelegateTarget("latent", s_mutations, Latents, ReadLatents);
        yield return new DelegateTarget("text-embedding", s_mutations, Embeddings, ReadEmbedding);
        yield return new DelegateTarget("folder-manifest", JsonMutations.All, Manifests, ReadManifest);
    }

    private static IEnumerable<byte[]> Latents()
    {
        GenerationInfo info = new() { Prompt = "a", Seed = 3, Steps = 6, Model = "model" };
        foreach (string scheduler in (string[])["DDIM", "Euler a", "PLMS", "UniPC", "SA-Solver", "DPM++ SDE", "A1111 DPM2 a Karras", "Heun"])
            yield return Stopped(info with { Scheduler = scheduler });
        yield return Stopped(info with { Scheduler = "LMS", RandomSource = nameof(RandomSource.Cuda), BatchSize = 2, BatchIndex = 1 });
        yield return Stopped(info with { Scheduler = "DPM++ 2M SDE", SchedulerOptions = SchedulerOptionText.Write(new Dictionary<string, object?> { ["solver_order"] = 3, ["thresholding"] = true }) });
        yield return LatentFile.ToBytes(ClosedFormRun.Continue(ClosedFormRun.Begin(info with { Scheduler = "DPM++ 3M" }, [1, 4, 2, 3], strength: 0.8, isMasked: true), 2));
        yield return LatentFile.ToBytes(new Latent(new Tensor(1, 4, 1, 2), new GenerationInfo { Seed = 3, Width = 16, Height = 8 })
        {
            Maker = new ModelMark("model", "0123456789"),
            Noise = new TorchRandom(3),
            SourcePixels = new Tensor(1, 3, 8, 16),
            SourceMean = new Tensor(1, 4, 1, 2),
        });
        yield return TensorTargets.File(("latent_tensor", [2, 4, 2, 3]), ("latent_format_version_0", [0]));
    }

    private static byte[] Stopped(GenerationInfo info) => LatentFile.ToBytes(ClosedFormRun.Continue(ClosedFormRun.Begin(info, [1, 4, 2, 3]), 3));

    private static IEnumerable<string> ReadLatents(byte[] data)
    {
        List<string> texts = [];
        foreach (Latent latent in LatentFile.Read(FuzzFiles.Write(data, "latent.safetensors"), static () => s_space, texts.Add))
        {
            texts.Add(latent.ToString());
            if (latent.State is not null && latent.Tensor.Length < 1000)
                texts.Add(ClosedFormRun.Continue(latent).ToString());
        }

        return texts;
    }

    private static IEnumerable<byte[]> Embeddings()
    {
        TextualInversion word = new("/folder/word.pt", "0123456789ab", "word", new Dictionary<string, Tensor> { ["clip_l"] = new(2, 4), ["clip_g"] = new(2, 6) });
        PromptOptions options = new()
        {
            Syntax = PromptSyntax.A1111,
            TextualInversions = [word],
            LoraNames = ["style"],
            Loras = ["/folder/style.safetensors:0.8"],
        };
        yield return TextEmbeddingFile.ToBytes(new TextEmbedding("a", PromptOptions.Default, new TextVectors(new Tensor(1, 3, 4), PooledState: null), [1, 2, 3], [new PromptToken("a", 2, 1, 0)], "model"));
        yield return TextEmbeddingFile.ToBytes(new TextEmbedding("[a:word:3]", options, new TextVectors(new Tensor(1, 3, 10), new Tensor(1, 6)), [1, 2, 3], [new PromptToken("a", 2, 1.1, 0)], "/folder/model.safetensors")
        {
            Maker = new ModelMark("model", "0123456789"),
            DynamicText = "[a:word:3]",
            LostText = "b",
            Warnings = ["c"],
        });
        TextEmbedding merged = EmbeddingMerge.Merge(Plain("a", tokens: 3), Plain("b", tokens: 6), 0.25, InterpolationMode.Spherical);
        yield return TextEmbeddingFile.ToBytes(merged);
        yield return TextEmbeddingFile.ToBytes(EmbeddingMerge.Merge([merged, Plain("c", tokens: 6), merged], [1, 0.5, 2]));

        static TextEmbedding Plain(string prompt, int tokens) => new(prompt, PromptOptions.Default, new TextVectors(new Tensor(1, tokens, 4), PooledState: null), [1], [], "model");
    }

    private static IEnumerable<string> ReadEmbedding(byte[] data)
    {
        TextEmbedding embedding = TextEmbeddingFile.Read(FuzzFiles.Write(data, "embedding.safetensors"));
        foreach (TextualInversion word in embedding.Options.TextualInversions)
            _ = PromptTokenizer.Vectors([word], isSecond: false, width: 4);
        List<string> texts = [PrintableText.Of(embedding.ToString()), PrintableText.Of(embedding.Origin().ToString())];
        foreach (GenerationStage stage in embedding.Origin().WithInputs().Where(static stage => stage.Operation == StageOperation.MergeEmbeddings))
            MergeStage.Read(stage);
        if (embedding.DynamicText is not null)
            return texts;
        TextEmbedding other = new("b", embedding.Options, new TextVectors(new Tensor(1, embedding.HiddenStates.Shape[1] + 1, embedding.HiddenStates.Shape[2]), embedding.PooledState), [1], [], embedding.Model);
        texts.Add(PrintableText.Of(EmbeddingMerge.Merge(embedding, other, 0.5).ToString()));
        return texts;
    }

    private static IEnumerable<byte[]> Manifests()
    {
        GenerationStage prompt = new() { Operation = StageOperation.EncodePrompt, Settings = new Dictionary<string, object> { ["Prompt"] = "a", ["Model"] = "model", ["Lora"] = "style:0.5", ["LoraHashes"] = "style: 0123456789ab" }, Made = StageMaker.Cpu };
        GenerationStage denoising = new()
        {
            Operation = StageOperation.Denoise,
            Settings = new Dictionary<string, object> { ["Seed"] = 3L, ["GuidanceScale"] = 2.5, ["ControlNet"] = (string[])["net"], ["ControlHash"] = (string[])["0123456789"] },
            Inputs = new Dictionary<string, IReadOnlyList<StageList>> { ["Embedding"] = [new StageList(prompt)] },
        };
        GenerationInfo info = new() { Prompt = "a", Seed = 3, Steps = 2, Model = "model", Stages = new StageList(denoising, new GenerationStage { Operation = StageOperation.Decode, Output = "0123456789abcdef", Made = StageMaker.Cpu with { BatchOnDevice = 4, BatchRow = 1 } }) };
        yield return ManifestJson.Format(new FolderManifest([Image("a.png", info), Image("b/c.jpg", new GenerationInfo { Prompt = "a" }), Image("d.webp", new GenerationInfo())], [new ManifestPart("Model", "model", "0123456789", "owner/name", "0123")], StageMaker.Cpu));

        static ManifestImage Image(string name, GenerationInfo info) => new(info, info) { Name = name, Length = 1, FileHash = new string('0', 64), PixelHash = new string('a', 64), Width = 1, Height = 1 };
    }

    private static IEnumerable<string> ReadManifest(byte[] data)
    {
        string path = FuzzFiles.Write(data, "folder", FolderManifest.FileName);
        FolderManifest manifest = FolderManifest.Read(path);
        List<string> texts = [manifest.ToString(), .. manifest.Parts.Select(static part => part.ToString())];
        foreach (ManifestImage image in manifest.Images)
            texts.Add($"{image} {image.Reproducibility} {image.Compare(Path.GetDirectoryName(path)!)}");
        return texts;
    }
}
