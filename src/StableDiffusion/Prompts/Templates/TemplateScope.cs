using System.Collections.Immutable;

namespace StableDiffusion.Prompts.Templates;

/// <summary>What is known where a part of a template is drawn.</summary>
/// <param name="Method">How parts are drawn that do not say it themselves.</param>
/// <param name="Variables">The variables that are set.</param>
/// <param name="InUse">The variables that are being drawn.</param>
/// <param name="Depth">How many braces, lists and variables are around.</param>
/// <param name="Turn">The number of the draw for cyclical parts inside cyclical parts; null if the parts count for themselves.</param>
internal sealed record TemplateScope(DrawMethod Method, ImmutableDictionary<string, TemplateNode> Variables, ImmutableHashSet<string> InUse, int Depth, long? Turn)
{
    private const int Deepest = 200;

    /// <summary>The scope of a whole template.</summary>
    /// <param name="method">How its parts are drawn.</param>
    public static TemplateScope Of(DrawMethod method) => new(method, ImmutableDictionary.Create<string, TemplateNode>(StringComparer.Ordinal), ImmutableHashSet.Create<string>(StringComparer.Ordinal), 0, null);

    /// <summary>The method of a part. All values of a part cannot be taken inside one that is drawn.</summary>
    /// <param name="node">The part.</param>
    public DrawMethod MethodOf(TemplateNode node) => node.Method is DrawMethod own && (own != DrawMethod.All || Method == DrawMethod.All) ? own : Method;

    /// <summary>The scope inside braces, a list or a variable.</summary>
    /// <exception cref="InvalidSettingException">There are too many around each other: lists may lead to themselves.</exception>
    public TemplateScope Inside() => Depth < Deepest
        ? this with { Depth = Depth + 1 }
        : throw new InvalidSettingException("Prompt", $"More than {Deepest} braces, wildcards and variables of the template are inside each other. A list may lead to itself.");

    /// <summary>The scope inside the value of a variable.</summary>
    /// <param name="name">The variable.</param>
    /// <exception cref="InvalidSettingException">The variable refers to itself.</exception>
    public TemplateScope Inside(string name) => InUse.Contains(name)
        ? throw new InvalidSettingException("Prompt", $"The variable '${{{name}}}' of the template refers to itself.")
        : Inside() with { InUse = InUse.Add(name) };
}
