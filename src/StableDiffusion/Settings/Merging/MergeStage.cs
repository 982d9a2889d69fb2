using System.Globalization;
using StableDiffusion.Noise;

namespace StableDiffusion.Settings.Merging;

/// <summary>The stage of a merge, which has the stages of all that was merged as its inputs, and their weights.</summary>
internal static class MergeStage
{
    /// <summary>The setting of two things: the weight of the second one; that of the first one is the rest to 1.</summary>
    public const string RatioSetting = "Ratio";

    /// <summary>The setting of more things: the weight of each, to be divided by their sum.</summary>
    public const string WeightSetting = "Weight";

    /// <summary>The setting of the <see cref="InterpolationMode"/>, if it is not the usual one of the operation.</summary>
    public const string ModeSetting = "Mode";

    private const string EmbeddingInput = "Embedding";
    private const string LatentInput = "Latent";

    /// <summary>The mode that is not recorded.</summary>
    /// <param name="operation">The operation.</param>
    public static InterpolationMode UsualMode(string operation) => operation == StageOperation.MergeLatents ? InterpolationMode.Spherical : InterpolationMode.Linear;

    /// <summary>The name of the inputs.</summary>
    /// <param name="operation">The operation.</param>
    public static string InputOf(string operation) => operation == StageOperation.MergeLatents ? LatentInput : EmbeddingInput;

    /// <summary>The stages of something that was merged from two.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="first">The stages of the first one.</param>
    /// <param name="second">The stages of the second one.</param>
    /// <param name="ratio">The weight of the second one.</param>
    /// <param name="mode">How the values between were found.</param>
    /// <param name="output">The hash of the result.</param>
    public static StageList Of(string operation, StageList first, StageList second, double ratio, InterpolationMode mode, string output)
    {
        OrderedDictionary<string, object> settings = new(StringComparer.Ordinal) { [RatioSetting] = ratio };
        if (mode != UsualMode(operation))
            settings[ModeSetting] = mode.ToString();
        return Of(operation, [first, second], settings, output);
    }

    /// <summary>The stages of something that was merged from several.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="inputs">The stages of each.</param>
    /// <param name="weights">The weight of each.</param>
    /// <param name="output">The hash of the result.</param>
    public static StageList Of(string operation, IReadOnlyList<StageList> inputs, IReadOnlyList<double> weights, string output) =>
        Of(operation, inputs, new OrderedDictionary<string, object>(StringComparer.Ordinal) { [WeightSetting] = weights.ToArray() }, output);

    /// <summary>Reads how a merge was made.</summary>
    /// <param name="stage">The stage.</param>
    /// <returns>The ratio and the mode of a merge of two, or the weights of one of several.</returns>
    /// <exception cref="NotRepeatableException">The record is damaged.</exception>
    /// <exception cref="InvalidSettingException">It has a mode that does not exist.</exception>
    public static (double Ratio, InterpolationMode Mode, IReadOnlyList<double>? Weights) Read(GenerationStage stage)
    {
        int count = InputsOf(stage).Count;
        double? ratio = stage.Number<double>(RatioSetting);
        double[]? weights = stage.Settings.GetValueOrDefault(WeightSetting) as double[];
        bool isPair = count == 2 && weights is null && ratio is >= 0 and <= 1;
        bool isSum = count > 1 && ratio is null && weights?.Length == count && stage.Operation == StageOperation.MergeEmbeddings && IsUsable(weights);
        return isPair || isSum
            ? (ratio ?? 0, EnumSetting.Parse(ModeSetting, stage.Text(ModeSetting), UsualMode(stage.Operation)), weights)
            : throw new NotRepeatableException($"The record does not say what was merged in the stage {stage.Operation}, and in which parts. It is damaged.");
    }

    /// <summary>Whether these are weights: none below 0, and one above it.</summary>
    /// <param name="weights">The numbers.</param>
    public static bool IsUsable(IReadOnlyList<double> weights) => weights.All(static weight => weight >= 0) && weights.Sum() is > 0 and < double.PositiveInfinity;

    /// <summary>What was merged, in words, such as <c>0.7 * 'a red house' + 0.3 * 'a blue boat'</c>.</summary>
    /// <param name="stage">The stage.</param>
    public static string InWords(GenerationStage stage)
    {
        IReadOnlyList<StageList> inputs = InputsOf(stage);
        double[] weights = stage.Settings.GetValueOrDefault(WeightSetting) as double[] ?? (stage.Number<double>(RatioSetting) is double ratio ? [1 - ratio, ratio] : []);
        return weights.Length == inputs.Count ? InWords(weights, inputs.Select(InWords)) : string.Join(" + ", inputs.Select(InWords));
    }

    /// <summary>A weighted sum in words.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="terms">What they are of.</param>
    public static string InWords(IReadOnlyCollection<double> weights, IEnumerable<string> terms)
    {
        double sum = weights.Sum();
        return string.Join(" + ", weights.Zip(terms, (weight, term) => string.Create(CultureInfo.InvariantCulture, $"{weight / sum:0.###} * {term}")));
    }

    private static string InWords(StageList input) => input switch
    {
        [.., { Operation: StageOperation.MergeEmbeddings or StageOperation.MergeLatents } merge] => $"({InWords(merge)})",
        [{ Operation: StageOperation.EncodePrompt } prompt] => prompt.SubjectInWords() ?? prompt.Operation,
        _ => $"({string.Join(", ", input.Select(static stage => stage.Number<long>(nameof(GenerationSettings.Seed)) is long seed ? string.Create(CultureInfo.InvariantCulture, $"{stage.InWords()} seed {seed}") : stage.InWords()))})",
    };

    private static IReadOnlyList<StageList> InputsOf(GenerationStage stage) => stage.Inputs.GetValueOrDefault(InputOf(stage.Operation), []);

    private static StageList Of(string operation, IReadOnlyList<StageList> inputs, OrderedDictionary<string, object> settings, string output) => new StageList().Append(new GenerationStage
    {
        Operation = operation,
        Settings = settings,
        Inputs = new OrderedDictionary<string, IReadOnlyList<StageList>>(StringComparer.Ordinal) { [InputOf(operation)] = inputs },
        Output = output,
    });
}
