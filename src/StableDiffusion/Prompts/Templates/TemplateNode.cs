namespace StableDiffusion.Prompts.Templates;

/// <summary>How a part of a template is drawn.</summary>
internal enum DrawMethod
{
    /// <summary>At random, by weight.</summary>
    Random,

    /// <summary>All values, one after another.</summary>
    All,

    /// <summary>One value for each prompt, in turn.</summary>
    Cyclical,
}

/// <summary>A part of a template.</summary>
internal abstract record TemplateNode
{
    /// <summary>The method of this part; null takes that of its surroundings.</summary>
    public DrawMethod? Method { get; init; }
}

/// <summary>Text that stays as it is.</summary>
/// <param name="Text">The text.</param>
internal sealed record LiteralNode(string Text) : TemplateNode;

/// <summary>A value of a list, which is read as a template when it is drawn.</summary>
/// <param name="Text">The value.</param>
internal sealed record ListValueNode(string Text) : TemplateNode;

/// <summary>Parts one after another.</summary>
/// <param name="Parts">The parts.</param>
internal sealed record SequenceNode(IReadOnlyList<TemplateNode> Parts) : TemplateNode;

/// <summary>One of several values with its weight.</summary>
/// <param name="Value">The value.</param>
/// <param name="Weight">How often it is drawn, relative to the others; 0 or more.</param>
internal sealed record VariantOption(TemplateNode Value, double Weight = 1);

/// <summary>Several values of which some are chosen, such as <c>{2$$ and $$a|b|c}</c>.</summary>
/// <param name="Options">The values.</param>
/// <param name="Least">The least number of values that are chosen.</param>
/// <param name="Most">The greatest number of values that are chosen.</param>
/// <param name="Separator">The text between chosen values.</param>
/// <param name="Name">The name under which the choice is reported.</param>
internal sealed record VariantsNode(IReadOnlyList<VariantOption> Options, int Least, int Most, string Separator, string Name) : TemplateNode;

/// <summary>A value from a list, such as <c>__animal__</c>.</summary>
/// <param name="Path">The name of the list, or a pattern.</param>
/// <param name="Variables">The variables that are set in the value.</param>
internal sealed record WildcardNode(TemplateNode Path, IReadOnlyDictionary<string, TemplateNode> Variables) : TemplateNode;

/// <summary>The value of a variable, such as <c>${season:summer}</c>.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Default">The value if it is not set; null if it must be.</param>
internal sealed record VariableNode(string Name, TemplateNode? Default) : TemplateNode;

/// <summary>Sets a variable, such as <c>${season=!{summer|winter}}</c>.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Value">Its value.</param>
/// <param name="IsImmediate">Whether the value is drawn once, and not at each use.</param>
/// <param name="KeepsExisting">Whether a value that was set before stays.</param>
internal sealed record AssignmentNode(string Name, TemplateNode Value, bool IsImmediate, bool KeepsExisting) : TemplateNode;

/// <summary>A text around another one, such as <c>%{a photo of ... at night$$a cat}</c>.</summary>
/// <param name="Wrapper">The text around, with a mark for the place.</param>
/// <param name="Inner">The text inside.</param>
internal sealed record WrapNode(TemplateNode Wrapper, TemplateNode Inner) : TemplateNode;
