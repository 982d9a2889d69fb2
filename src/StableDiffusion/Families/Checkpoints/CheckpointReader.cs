using StableDiffusion.Families.Keys;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>Finds the networks of a model in a single file, and keeps track of the tensors that belong to none.</summary>
internal sealed class CheckpointReader(ITensorFile file)
{
    private const string UNetPrefix = "model.diffusion_model.";
    private const string VaePrefix = "first_stage_model.";

    // The tables of the noise schedule, which follow from the scheduler's config, and markers without values.
    private static readonly HashSet<string> s_passedOver = new(StringComparer.Ordinal)
    {
        "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
        "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
        "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "logvar", "lvlb_weights",
        "denoiser.sigmas", "v_pred", "ztsnr",
    };

    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>The findings so far.</summary>
    public List<CheckpointFinding> Findings { get; } = [];

    /// <summary>Whether the file has a tensor.</summary>
    public bool Has(string key) => file.Tensors.ContainsKey(key);

    /// <summary>Reads the U-Net.</summary>
    /// <param name="preferEma">Whether averaged weights are used if the file holds both.</param>
    /// <returns>Its weights, or null if there are none.</returns>
    /// <exception cref="ModelInvalidException">It cannot be built.</exception>
    public MappedWeights? ReadUNet(bool preferEma)
    {
        Dictionary<string, string> plain = new(StringComparer.Ordinal);
        Dictionary<string, string> averaged = new(StringComparer.Ordinal);
        foreach (string key in file.Tensors.Keys)
        {
            if (key.StartsWith(UNetPrefix, StringComparison.Ordinal))
                plain[key[UNetPrefix.Length..]] = key;
            else if (EmaKeys.Restore(key) is { } restored)
                averaged[restored] = key;
            if (key.StartsWith(EmaKeys.Prefix, StringComparison.Ordinal))
                _known.Add(key);
        }

        if (plain.Count == 0 && averaged.Count == 0)
            return null;

        bool useAveraged = averaged.Count > 0 && (preferEma || plain.Count == 0);
        NoteEma(plain.Count, averaged.Count, useAveraged);
        if (useAveraged)
        {
            foreach ((string name, string key) in averaged)
            {
                if (plain.TryGetValue(name, out string? other))
                    _known.Add(other);
                plain[name] = key;
            }
        }

        UNetKeys keys = UNetKeys.For(plain.Keys, file.Path);
        WeightMap map = new(file, _known);
        foreach ((string name, string key) in plain)
            map.Add(keys.ToDiffusers(name), key);
        return map.ToWeights();
    }

    /// <summary>Reads a CLIP text encoder.</summary>
    /// <param name="prefix">The prefix of its names.</param>
    public MappedWeights ReadClip(string prefix)
    {
        WeightMap map = new(file, _known);
        foreach (string key in KeysOf(prefix))
            ClipKeys.Enter(map, prefix, key);
        NotePositionIds(prefix);
        return map.ToWeights();
    }

    /// <summary>Reads an OpenCLIP text encoder.</summary>
    /// <param name="prefix">The prefix of its names.</param>
    /// <param name="penultimate">Whether its last layer and its projection are omitted.</param>
    public MappedWeights ReadOpenClip(string prefix, bool penultimate)
    {
        OpenClipKeys keys = new(prefix, KeysOf(prefix), penultimate);
        WeightMap map = new(file, _known);
        foreach (string key in KeysOf(prefix))
            keys.Enter(map, key);
        return map.ToWeights();
    }

    /// <summary>Reads the autoencoder, in either layout: with its prefix, or without one in a file of its own.</summary>
    /// <param name="alone">Whether the file may contain only the autoencoder.</param>
    /// <returns>Its weights, or null if there are none.</returns>
    public MappedWeights? ReadVae(bool alone = false)
    {
        string prefix = VaePrefix;
        if (alone && !Has(prefix + "decoder.conv_in.weight"))
            prefix = string.Empty;
        if (!Has(prefix + "decoder.conv_in.weight"))
            return null;

        VaeKeys keys = VaeKeys.For(KeysOf(prefix).Select(key => key[prefix.Length..]));
        bool diffusers = Has(prefix + "decoder.up_blocks.0.resnets.0.conv1.weight");
        WeightMap map = new(file, _known);
        foreach (string key in KeysOf(prefix))
        {
            string name = key[prefix.Length..];
            map.Add(diffusers ? name : keys.ToDiffusers(name), key);
        }

        return map.ToWeights();
    }

    /// <summary>Adds the findings about the file as a whole, once its parts are read.</summary>
    /// <param name="hasVae">Whether the file holds an autoencoder.</param>
    /// <param name="prediction">What the model predicts; null if that is the default of the family.</param>
    public void NoteModel(bool hasVae, PredictionFinding? prediction)
    {
        if (!hasVae)
            Findings.Add(new CheckpointFinding(CheckpointFindingKind.VaeMissing, "The file does not contain an autoencoder (VAE). One from another file is needed."));

        if (prediction is not null)
        {
            Findings.Add(new CheckpointFinding(
                CheckpointFindingKind.PredictionType,
                $"The U-Net is {(prediction.Assumed ? "assumed" : "known")} to predict {prediction.Name}: {prediction.Reason}."));
        }

        string? sign = FileWords.In(file.Path).FirstOrDefault(static word => word is "turbo" or "lightning" or "hyper" or "lcm" or "dmd2");
        if (sign is not null)
        {
            Findings.Add(new CheckpointFinding(
                CheckpointFindingKind.Distilled,
                $"The '{sign}' in the file's name suggests a model that needs few steps and no guidance. The weights do not show it, so the settings are those of the family."));
        }

        string[] extra = [.. file.Tensors.Keys.Where(key => !_known.Contains(key) && !s_passedOver.Contains(key))];
        if (extra.Length > 0)
            Findings.Add(new CheckpointFinding(CheckpointFindingKind.ExtraTensors, $"Some tensors are not part of the model and are ignored. {TensorGroups.Describe(extra)}"));

        IEnumerable<string> types = file.Tensors.Values
            .GroupBy(static tensor => tensor.ElementType)
            .OrderByDescending(static group => group.Sum(static tensor => tensor.ByteLength))
            .Select(static group => $"{group.Key} ({group.Count()} tensors)");
        Findings.Add(new CheckpointFinding(CheckpointFindingKind.StoredAs, $"The file's values are stored as {string.Join(", ", types)}."));
    }

    private IEnumerable<string> KeysOf(string prefix) => file.Tensors.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal));

    private void NoteEma(int plain, int averaged, bool useAveraged) => Findings.Add((averaged, useAveraged) switch
    {
        (0, _) => new CheckpointFinding(CheckpointFindingKind.Pruned, "The file is pruned: it has no averaged (EMA) weights in addition to the U-Net's own."),
        (_, false) => new CheckpointFinding(CheckpointFindingKind.EmaIgnored, $"The U-Net's own weights are used, and {averaged} averaged (EMA) ones are ignored."),
        _ => new CheckpointFinding(
            CheckpointFindingKind.EmaUsed,
            plain > 0 ? $"{averaged} averaged (EMA) weights are used instead of the U-Net's own." : $"The U-Net exists only as {averaged} averaged (EMA) weights, which are used."),
    });

    // Merging tools that treated the position IDs as weights made them fractions.
    private void NotePositionIds(string prefix)
    {
        StoredTensor? tensor = file.Tensors.GetValueOrDefault($"{prefix}{ClipKeys.Root}{ClipKeys.PositionIds}")
            ?? file.Tensors.GetValueOrDefault(prefix + ClipKeys.PositionIds);
        if (tensor is null)
        {
            Findings.Add(new CheckpointFinding(CheckpointFindingKind.PositionIdsMissing, "The position IDs (position_ids) are missing. They are not needed."));
            return;
        }

        const int MaxCount = 1024;
        float[] numbers = new float[Math.Min(tensor.Count, MaxCount)];
        file.Read(tensor.Name, numbers);
        for (int i = 0; i < numbers.Length; i++)
        {
            if (numbers[i] == i)
                continue;
            Findings.Add(new CheckpointFinding(
                CheckpointFindingKind.PositionIdsDamaged, $"The position IDs (position_ids) are damaged: the value at index {i} is {numbers[i]}. The correct values are used."));
            return;
        }
    }
}
