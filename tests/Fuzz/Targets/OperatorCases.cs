namespace StableDiffusion.Fuzz.Targets;

/// <summary>
/// A valid use of each operator that the engine lets a graph have, one or more a line. An operator of ONNX Runtime has <c>ms.</c>
/// before its name; <c>@9</c> is the version of the operator set. Then come its inputs: <c>x[1,4]</c> is an input of the graph,
/// <c>a[1,4]</c> one without negative numbers and <c>w[1,4]</c> a constant, with the number of a type if they are no floats; <c>i(1,2)</c>, <c>s(1)</c>, <c>f(0.5)</c> and
/// <c>t(0.5)</c> are constants with values (whole numbers and floats, lists and single ones), and <c>-</c> leaves one out. Settings follow after
/// a bar, and the number of outputs after <c>&gt;</c> if there are several. Of several operators, which ONNX Runtime may fuse, a semicolon
/// stands between two, and <c>%1</c> is the first output of the first.
/// </summary>
internal static class OperatorCases
{
    /// <summary>The lines.</summary>
    public static IEnumerable<string> Lines => Text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private const string Text = """
        Abs x[1,4,8]
        Abs x:7[1,4,8]
        Acos x[4]
        Acosh x[4]
        Add x[1,4,8,8] w[4,1,1]
        Add x:7[4] i(1)
        Add x:6[4] w:6[4]
        And x:9[2,4] x:9[4]
        ArgMax x[2,5] | axis=-1 keepdims=0
        ArgMax x:6[2,5] | axis=1 select_last_index=1
        ArgMin x[2,5] | axis=0
        Asin x[4]
        Asinh x[4]
        Atan x[4]
        Atanh x[4]
        AveragePool x[1,4,8,8] | kernel_shape=2,2 strides=2,2 pads=0,0,0,0 ceil_mode=1 count_include_pad=1
        AveragePool@19 x[1,4,8,8] | kernel_shape=3,3 dilations=2,2 auto_pad='SAME_UPPER'
        MaxPool x[1,4,8,8] | kernel_shape=5,5 strides=1,1 pads=2,2,2,2
        MaxPool@12 x[1,4,8,8] | kernel_shape=3,3 dilations=2,2 ceil_mode=1 storage_order=1
        BatchNormalization x[1,4,8,8] w[4] w[4] w[4] w[4] | epsilon=0.00001
        BatchNormalization@9 x[1,4,8,8] w[4] w[4] w[4] w[4] | epsilon=0.00001 momentum=0.9
        BitwiseAnd@18 x:7[4] i(3)
        BitwiseNot@18 x:6[4]
        BitwiseOr@18 x:7[4] i(3)
        BitwiseXor@18 x:2[4] x:2[4]
        Cast x[4] | to=7
        Cast x[4] | to=10
        Cast x:7[4] | to=6
        CastLike x[4] i(1)
        Ceil x[4]
        Celu x[4] | alpha=1.0
        Clip x[2,4] t(-1.0) t(1.0)
        Clip x:7[2,4] s(0) s(3)
        Clip@6 x[2,4] | min=-1.0 max=1.0
        Concat x[1,4,8] x[1,2,8] w[1,3,8] | axis=1
        Concat x:7[2] i(1) | axis=0
        ConstantOfShape i(2,3)
        Conv x[1,4,8,8] w[6,4,3,3] w[6] | kernel_shape=3,3 pads=1,1,1,1 strides=1,1 dilations=1,1 group=1
        Conv x[1,4,9,9] w[6,4,3,3] | strides=2,2 pads=0,0,1,1
        Conv x[1,4,8,8] w[4,1,3,3] w[4] | group=4 pads=1,1,1,1 auto_pad='NOTSET'
        Conv x[1,4,8] w[6,2,3] | group=2 dilations=[2]
        Conv x[1,16,8,8] w[16,16,1,1] w[16]
        Conv x[1,16,8,8] w[16,16,3,3] w[16] | pads=1,1,1,1
        Conv x[1,2,4,4,4] w[3,2,2,2,2]
        ConvInteger x:2[1,4,8,8] w:2[6,4,3,3] w:2[] | pads=1,1,1,1
        ConvTranspose x[1,4,8,8] w[4,6,3,3] w[6] | strides=2,2 pads=1,1,1,1 output_padding=1,1
        ConvTranspose x[1,4,8,8] w[4,3,2,2] | strides=2,2 group=2 dilations=1,1
        Cos x[4]
        Cosh x[4]
        CumSum x[2,4] s(1) | exclusive=1 reverse=1
        CumSum x:7[2,4] s(-1)
        DepthToSpace x[1,16,4,4] | blocksize=2 mode='CRD'
        DequantizeLinear x:2[1,4,8] w[4] w:2[4] | axis=1
        DequantizeLinear x:3[8] w[] 
        DequantizeLinear@21 x:2[4,8] w[4,2] w:2[4,2] | axis=1 block_size=4
        Div x[1,4] x[4]
        Div x:7[4] i(2)
        Dropout x[4]
        DynamicQuantizeLinear x[4,8] > 3
        Einsum x[2,3,4] x[2,4,5] | equation='bij,bjk->bik'
        Einsum x[2,3] x[3] | equation='ij,j'
        Einsum x[2,3] x[2,3] | equation='...i,...i->...'
        Einsum x[1,4,2,3] w[1,6,2,3] | equation='bihd,bjhd->bhij'
        Einsum w[1,2,4,6] x[1,6,2,3] | equation='bhij,bjhd->bihd'
        Elu x[4] | alpha=1.0
        Equal x:7[4] i(1)
        Equal x[4] x[4]
        Erf x[4]
        Exp x[4]
        Expand x[1,4,1] i(2,1,8)
        Expand x:7[1] i(4)
        EyeLike x[4,4] | k=1
        Flatten x[2,3,4] | axis=1
        Floor x[4]
        Gather x[4,8] i(1,2) | axis=0
        Gather w[33,8] a:7[1,4] | axis=0
        Gather w[4,8] s(1) | axis=1
        GatherElements x[3,4] w:7[3,4] | axis=1
        GatherND x[2,3,4] w:7[2,1] | batch_dims=1
        GatherND x[3,4] w:7[2,2]
        Gelu@20 x[4] | approximate='tanh'
        Gemm x[2,4] w[4,6] w[6] | alpha=1.0 beta=0.5
        Gemm x[2,4] w[6,4] x[2,6] | transB=1
        Gemm x[4,2] w[4,6] | transA=1
        GlobalAveragePool x[1,4,8,8]
        Greater x[4] t(0.5)
        GreaterOrEqual x:7[4] i(1)
        GroupNormalization@18 x[1,4,8,8] w[2] w[2] | num_groups=2 epsilon=0.00001
        GroupNormalization@21 x[1,4,8,8] w[4] w[4] | num_groups=2
        HardSigmoid x[4] | alpha=0.2 beta=0.5
        HardSwish x[4]
        Identity x[4]
        InstanceNormalization x[1,4,8,8] w[4] w[4] | epsilon=0.00001
        InstanceNormalization x[1,4,8] w[4] w[4]
        IsInf x[4] | detect_negative=1 detect_positive=0
        IsNaN x[4]
        LayerNormalization x[1,4,8] w[8] w[8] | axis=-1 epsilon=0.00001
        LayerNormalization x[1,4,8] w[4,8] | axis=1 > 3
        LeakyRelu x[4] | alpha=0.01
        Less x[4] x[4]
        LessOrEqual x:6[4] w:6[1]
        Log x[4]
        LogSoftmax x[2,4] | axis=-1
        LpNormalization x[2,4] | axis=-1 p=2
        MatMul x[1,4,8] w[8,6]
        MatMul x[2,2,4,8] x[2,2,8,4]
        MatMul x[8] x[8]
        MatMul x:7[2,3] w:7[3,2]
        MatMulInteger x:2[4,8] w:2[8,6] w:2[] w:2[]
        MatMulInteger x:2[4,8] w:3[8,6]
        Max x[4] x[1] t(0.5)
        Max x:7[4] i(1)
        Mean x[4] x[4]
        Min x[4] x[1]
        Mish@18 x[4]
        Mod x:7[4] i(3)
        Mod x[4] x[4] | fmod=1
        Mod x:6[4] w:6[4]
        Mul x[1,4,8] w[8]
        Mul x:7[4] i(2)
        Neg x:7[4]
        NonZero x[2,4]
        NonZero x:9[4]
        Not x:9[4]
        OneHot x:7[4] s(8) f(0.0,1.0) | axis=-1
        OneHot x:7[2,2] s(3) i(0,1) | axis=0
        Or x:9[4] x:9[4]
        PRelu x[1,4,8] w[4,1]
        Pad x[1,4,8,8] i(0,0,1,1,0,0,1,1) t(0.0) | mode='constant'
        Pad x[1,4,8,8] i(0,0,1,1,0,0,1,1) | mode='reflect'
        Pad x[1,4,8,8] i(0,0,-1,0,0,0,2,2) | mode='edge'
        Pad@18 x[1,4,8,8] i(1,1,1,1) - i(2,3)
        Pad@19 x[1,4,8] i(0,0,1,0,0,2) | mode='wrap'
        Pad@9 x[1,4,8,8] | pads=0,0,1,1,0,0,1,1 mode='constant' value=0.5
        Pow x[4] t(2.0)
        Pow x:7[4] i(2)
        QLinearConv x:2[1,4,8,8] w[] w:2[] w:2[6,4,3,3] w[] w:2[] w[] w:2[] w:6[6] | pads=1,1,1,1
        QLinearConv x:3[1,4,8,8] w[] w:3[] w:3[6,4,3,3] w[6] w:3[6] w[] w:3[]
        QLinearMatMul x:2[4,8] w[] w:2[] w:2[8,6] w[] w:2[] w[] w:2[]
        QuantizeLinear x[1,4,8] w[4] w:2[4] | axis=1
        QuantizeLinear x[8] w[]
        QuantizeLinear@21 x[4,8] w[4,2] w:2[4,2] | axis=1 block_size=4
        RandomNormal | shape=2,3 mean=0.0 scale=1.0
        RandomNormalLike x[2,3] | mean=0.0 scale=1.0 dtype=1
        RandomUniform | shape=2,3 low=0.0 high=1.0
        RandomUniformLike x[2,3] | low=0.0 high=1.0
        Range s(0) a:7[] s(2)
        Range t(0.0) t(9.0) t(0.5)
        Reciprocal x[4]
        ReduceL1 x[2,4] | axes=[1]
        ReduceL2 x[2,4] | axes=[-1] keepdims=1
        ReduceL2@18 x[2,4] i(-1)
        ReduceLogSum x[2,4] | axes=[1]
        ReduceLogSumExp x[2,4,3] | axes=0,2
        ReduceMax x[2,4] | axes=[1] keepdims=0
        ReduceMax@18 x:6[2,4] i(0)
        ReduceMean x[2,4,8] | axes=-1,-2
        ReduceMean@18 x[2,4,8] i(1,2) | noop_with_empty_axes=1
        ReduceMean x:6[2,4] | axes=[0]
        ReduceMean@18 x:7[2,4] i(0)
        ReduceMin x[2,4]
        ReduceMin@18 x:7[2,4] i(1)
        ReduceProd x[2,4] | keepdims=0
        ReduceProd x:7[4] | axes=[0]
        ReduceSum x[2,4,3] i(0,2) | keepdims=0
        ReduceSum x:7[2,4] i(1)
        ReduceSumSquare x[2,4] | axes=[0]
        Relu x[4]
        Reshape x[2,12] i(2,3,-1) | allowzero=0
        Reshape x[2,12] i(0,4,3)
        Reshape@9 x[4,6] i(-1,2)
        Resize x[1,4,8,8] - f(1.0,1.0,2.0,2.0) | mode='nearest' coordinate_transformation_mode='asymmetric' nearest_mode='floor'
        Resize x[1,4,8,8] - - i(1,4,16,12) | mode='linear' coordinate_transformation_mode='half_pixel'
        Resize x[1,4,8,8] - - i(1,4,5,5) | mode='cubic' coordinate_transformation_mode='align_corners' cubic_coeff_a=-0.75
        Resize@18 x[1,4,8,8] - - i(16,16) | axes=2,3 mode='linear' antialias=1 keep_aspect_ratio_policy='stretch'
        Resize@18 x[1,4,8,8] - f(0.5,0.5) | axes=2,3 mode='nearest' exclude_outside=0
        Resize x[1,4,8,8] f(0.0,0.0,0.0,0.0,1.0,1.0,1.0,1.0) f(1.0,1.0,2.0,2.0) | mode='linear' coordinate_transformation_mode='tf_crop_and_resize' extrapolation_value=0.0
        Resize@10 x[1,4,8,8] f(1.0,1.0,2.0,2.0) | mode='nearest'
        Resize x:2[1,4,8,8] - f(1.0,1.0,2.0,2.0) | mode='linear'
        Round x[4]
        Scatter@9 x[3,4] w:7[1,4] x[1,4] | axis=0
        ScatterElements x[3,4] w:7[1,4] x[1,4] | axis=0
        ScatterElements@18 x[3,4] w:7[1,4] x[1,4] | axis=1 reduction='add'
        ScatterND x[4,5] w:7[2,1] x[2,5]
        ScatterND@18 x[4,5] w:7[2,2] x[2] | reduction='mul'
        Selu x[4] | alpha=1.6 gamma=1.0
        Shape x[1,4,8] | start=0 end=2
        Shape x[1,4,8]
        Sigmoid x[4]
        Sign x:7[4]
        SimplifiedLayerNormalization x[1,4,8] w[8] | axis=-1 epsilon=0.00001 stash_type=1
        Sin x[4]
        Sinh x[4]
        Size x[2,3]
        Slice x[4,8] i(0) i(2) i(1) i(1)
        Slice x[4,8] i(-1,0) i(-9,9) i(0,1) i(-1,2)
        Slice x:7[4] x:7[1] i(9) i(0)
        Slice@9 x[4,8] | starts=0,1 ends=2,9 axes=0,1
        Softmax x[2,4] | axis=-1
        Softmax@11 x[2,4,3] | axis=1
        Softplus x[4]
        Softsign x[4]
        SpaceToDepth x[1,4,8,8] | blocksize=2
        Split x[2,8] i(3,5) | axis=1 > 2
        Split@18 x[2,8] | axis=-1 num_outputs=2 > 2
        Split@11 x[2,8] | axis=1 split=4,4 > 2
        Split x:7[8] | axis=0 > 4
        Sqrt x[4]
        Squeeze x[1,4,1] i(0,2)
        Squeeze@11 x[1,4,1] | axes=0,2
        Sub x[4] w[2,4]
        Sub x:7[4] i(1)
        Sum x[4] x[4] x[1]
        Swish@24 x[4] | alpha=1.0
        Tan x[4]
        Tanh x[4]
        ThresholdedRelu x[4] | alpha=1.0
        Tile x[2,3] i(2,2)
        Tile x:7[2] i(3)
        TopK x[2,8] i(3) | axis=-1 largest=1 sorted=1 > 2
        TopK x:7[8,2] i(3) | axis=0 largest=0 > 2
        Transpose x[1,4,8,8] | perm=0,2,3,1
        Transpose x:9[2,3] | perm=1,0
        Transpose x[2,3,4]
        Trilu x[4,4] s(1) | upper=0
        Trilu x[2,4,5] | upper=1
        Unsqueeze x[4] i(0,2)
        Unsqueeze@11 x[4] | axes=0,1
        Upsample@9 x[1,4,8,8] f(1.0,1.0,2.0,2.0) | mode='nearest'
        Upsample@9 x[1,4,8,8] f(1.0,1.0,2.0,2.0) | mode='linear'
        Where x:9[4] x[4] x[2,4]
        Where x:9[4] i(1) x:7[4]
        Xor x:9[4] x:9[4]
        RMSNormalization@23 x[1,4,8] w[8] | axis=-1 epsilon=0.00001
        Attention@23 x[1,2,4,8] x[1,2,6,8] x[1,2,6,8] | scale=0.3
        Attention@23 x[1,4,16] x[1,6,16] x[1,6,16] x[4,6] | q_num_heads=2 kv_num_heads=2 is_causal=0 softcap=0.0
        Attention@23 x[1,4,16] x[1,6,8] x[1,6,8] | q_num_heads=4 kv_num_heads=2 is_causal=1
        ms.Attention x[1,4,8] w[8,24] w[24] | num_heads=2
        ms.Attention x[1,4,8] w[8,24] w[24] w:6[1,4] | num_heads=2 unidirectional=1 scale=0.3 mask_filter_value=-10000.0
        ms.BiasGelu x[2,4,8] w[8]
        ms.DequantizeLinear x:2[1,4,8] w[4] w:2[4] | axis=1
        ms.DynamicQuantizeMatMul x[4,8] w:2[8,6] w[6] w:2[6] w[6]
        ms.EmbedLayerNormalization a:6[1,4] - w[33,8] w[16,8] - w[8] w[8] | epsilon=0.00001 > 2
        ms.EmbedLayerNormalization a:6[1,4] a:6[1,4] w[33,8] w[16,8] w[33,8] w[8] w[8] a:6[1,4] > 2
        ms.FastGelu x[2,8] w[8]
        ms.FusedConv x[1,4,8,8] w[6,4,3,3] w[6] | activation='Relu' pads=1,1,1,1
        ms.FusedConv x[1,4,8,8] w[6,4,3,3] w[6] x[1,6,8,8] | activation='Relu' pads=1,1,1,1
        ms.FusedGemm x[2,4] w[4,6] w[6] | activation='Relu' alpha=1.0 beta=1.0
        ms.FusedMatMul x[2,4,8] x[2,6,8] | transB=1 alpha=0.5
        ms.FusedMatMul x[2,3,4,8] x[2,3,8,5] | transA=0 transBatchA=0 transBatchB=0
        ms.Gelu x[4]
        ms.MatMulIntegerToFloat x:2[4,8] w:2[8,6] w[] w[6] w:2[] w:2[6] w[6]
        ms.MatMulNBits x[4,32] w:2[8,2,8] w[16] w:2[8] | K=32 N=8 bits=4 block_size=16
        ms.MatMulNBits x[4,32] w:2[8,1,32] w[8] | K=32 N=8 bits=8 block_size=32
        ms.MatMulNBits x[4,32] w:2[8,1,16] w[8] | K=32 N=8 bits=4 block_size=32 accuracy_level=4
        ms.MatMulBnb4 x[4,32] w:2[128] w[4] | K=32 N=8 block_size=64 quant_type=1
        ms.MultiHeadAttention x[1,4,8] x[1,6,8] x[1,6,8] | num_heads=2 unidirectional=0
        ms.MultiHeadAttention x[1,4,8] x[1,4,8] x[1,4,8] w[24] - w[1,2,4,4] | num_heads=2 scale=0.3
        ms.MultiHeadAttention x[1,4,8] x[1,4,8] x[1,4,8] - x:6[1,4] | num_heads=2
        ms.MultiHeadAttention x[1,4,8] x[1,2,6,4] x[1,2,6,4] | num_heads=2
        ms.MultiHeadAttention x[1,4,8] w[1,6,8] w[1,6,8] | num_heads=2
        ms.QuantizeLinear x[1,4,8] w[4] w:2[4] | axis=1
        ms.QuickGelu x[4] | alpha=1.702
        ms.SkipLayerNormalization x[1,4,8] x[1,4,8] w[8] w[8] w[8] | epsilon=0.00001
        ms.SkipLayerNormalization x[1,4,8] x[1,4,8] w[8] > 4
        ms.SkipLayerNormalization x[1,4,8] w[1,4,8] w[8]
        ms.SkipSimplifiedLayerNormalization x[1,4,8] w[1,4,8] w[8] w[8]
        ms.SkipSimplifiedLayerNormalization x[1,4,8] x[1,4,8] w[8] w[8] | epsilon=0.00001
        ms.TransposeMatMul x[2,4,8] x[2,6,8] | transB=1
        Conv x[1,4,8,8] w[6,4,3,3] w[6] | pads=1,1,1,1; Relu %1
        Conv x[1,4,8,8] w[6,4,3,3] | pads=1,1,1,1; Add %1 w[1,6,1,1]
        Conv x[1,4,8,8] w[6,4,3,3] | pads=1,1,1,1; Mul %1 w[6,1,1]
        Conv x[1,4,8,8] w[6,4,3,3] w[6]; BatchNormalization %1 w[6] w[6] w[6] w[6]
        Conv x[1,16,8,8] w[16,16,3,3] w[16] | pads=1,1,1,1; Conv x[1,16,8,8] w[16,16,1,1] w[16]; Add %1 %2; Relu %3
        Conv x[1,16,8,8] w[16,16,3,3] w[16] | pads=1,1,1,1; AveragePool %1 | kernel_shape=2,2 strides=2,2
        Conv x[1,16,8,8] w[16,16,3,3] w[16] | strides=2,2; GlobalAveragePool %1
        Conv x[1,16,8,8] w[16,16,3,3] w[16]; Conv %1 w[16,16,3,3] w[16]; Add %2 t(1.0)
        Conv x[1,16,8,8] w[16,16,3,3] w[16] | pads=1,1,1,1; Resize %1 - f(1.0,1.0,2.0,2.0) | mode='nearest' coordinate_transformation_mode='asymmetric' nearest_mode='floor'; Conv %2 w[16,16,3,3] w[16]
        Conv x[1,16,8,8] w[16,16,3,3] w[16] | pads=1,1,1,1; Concat %1 x[1,16,8,8] | axis=1; Conv %2 w[16,32,1,1] w[16]
        Pad x[1,4,8,8] i(0,0,1,1,0,0,1,1) t(0.0); Conv %1 w[6,4,3,3] w[6] | pads=0,0,0,0
        Pad x[1,4,8,8] i(0,0,0,0,0,0,1,1) t(0.0); AveragePool %1 | kernel_shape=3,3 strides=2,2
        ReduceMean x[1,4,8] | axes=[-1]; Sub x[1,4,8] %1
        ReduceMean x[1,4,8] | axes=[-1]; Sub x0 %1; Pow %2 t(2.0); ReduceMean %3 | axes=[-1]; Add %4 t(0.00001); Sqrt %5; Div %2 %6; Mul %7 w[8]; Add %8 w[8]
        Pow x[1,4,8] t(2.0); ReduceMean %1 | axes=[-1]; Add %2 t(0.00001); Sqrt %3; Div x0 %4; Mul %5 w[8]
        Add x[1,4,8] x[1,4,8]; LayerNormalization %1 w[8] w[8] | axis=-1
        MatMul x[1,4,8] w[8,8]; Add %1 w[8]; Add %2 x[1,4,8]; LayerNormalization %3 w[8] w[8] | axis=-1
        Div x[1,4,8] t(1.4142135); Erf %1; Add %2 t(1.0); Mul x0 %3; Mul %4 t(0.5)
        Add x[1,4,8] w[8]; Div %1 t(1.4142135); Erf %2; Add %3 t(1.0); Mul %1 %4; Mul %5 t(0.5)
        Pow x[1,4,8] t(3.0); Mul %1 t(0.044715); Add x0 %2; Mul %3 t(0.7978845); Tanh %4; Add %5 t(1.0); Mul x0 %6; Mul %7 t(0.5)
        Mul x[1,4,8] t(1.702); Sigmoid %1; Mul x0 %2
        Sigmoid x[1,4,8,8]; Mul x0 %1
        MatMul x[2,4] w[4,6]; Add %1 w[6]
        Gemm x[2,4] w[4,6] w[6]; Relu %1
        Gemm x[2,4] w[4,6]; Add %1 w[6]
        Transpose x[2,4,8] | perm=0,2,1; MatMul %1 x[2,4,6]
        MatMul x[2,4,8] x[2,8,6]; Mul %1 t(0.125); Softmax %2 | axis=-1
        Transpose x[1,4,8,8] | perm=0,2,3,1; Reshape %1 i(1,64,4); Transpose %2 | perm=0,2,1
        Transpose x[1,4,8,8] | perm=0,2,3,1; Transpose %1 | perm=0,3,1,2
        Transpose x[1,4,8,8] | perm=0,2,3,1; Relu %1; Concat %2 %2 | axis=3; Transpose %3 | perm=0,3,1,2
        Reshape x[2,12] i(2,3,4); Reshape %1 i(0,12)
        Shape x[2,12]; Gather %1 s(0) | axis=0; Unsqueeze %2 i(0); Concat %3 i(3) i(-1) | axis=0; Reshape x0 %4
        Shape x[1,8,8]; Gather %1 s(2) | axis=0; Div %2 s(2); Mul %3 s(1); Unsqueeze %4 i(0); Slice x0 i(0) %5 i(2)
        Shape x[1,4,8,8]; Slice %1 i(2) i(4) i(0); Mul %2 i(2,2); Concat i(1,4) %3 | axis=0; Resize x0 - - %4 | mode='nearest'
        Shape x[2,3]; ConstantOfShape %1; Add %2 x0
        Shape x[2,3]; Expand w[1,1] %1; Where x:9[2,3] x[2,3] %2
        Unsqueeze x[2,3] i(0); Squeeze %1 i(0)
        Slice x[4,8] i(0) i(2) i(0); Slice %1 i(1) i(9) i(1)
        Split x[2,8] | axis=1 > 2; Concat %1 %1 | axis=1
        Cast x[2,8] | to=10; Cast %1 | to=1
        Cast x[2,8] | to=10; MatMul %1 w:10[8,4]; Cast %2 | to=1
        Dropout x[2,4]; Relu %1
        Relu x[2,4]; Clip %1 t(0.0) t(6.0)
        Identity x[2,4]; Add %1 %1
        Neg x[2,4]; Neg %1; Not x:9[4]; Where %3 %1 %2
        DequantizeLinear x:2[1,4,8,8] w[] w:2[]; DequantizeLinear w:2[6,4,3,3] w[] w:2[]; Conv %1 %2 | pads=1,1,1,1; QuantizeLinear %3 w[] w:2[]
        DequantizeLinear x:2[2,8] w[] w:2[]; DequantizeLinear w:2[8,6] w[] w:2[]; MatMul %1 %2; QuantizeLinear %3 w[] w:2[]
        DequantizeLinear w:3[8,6] w[6] w:3[6] | axis=1; MatMul x[2,8] %1
        DequantizeLinear x:2[2,8] w[] w:2[]; DequantizeLinear x:2[2,8] w[] w:2[]; Add %1 %2; QuantizeLinear %3 w[] w:2[]
        DequantizeLinear x:2[2,8] w[] w:2[]; Sigmoid %1; QuantizeLinear %2 w[] w:2[]
        DequantizeLinear x:2[2,8] w[] w:2[]; Softmax %1 | axis=-1; QuantizeLinear %2 w[] w:2[]
        DequantizeLinear x:2[2,8] w[] w:2[]; DequantizeLinear x:2[2,8] w[] w:2[]; Concat %1 %2 | axis=1; QuantizeLinear %3 w[] w:2[]
        DequantizeLinear x:2[2,8] w[] w:2[]; Transpose %1 | perm=1,0; QuantizeLinear %2 w[] w:2[]
        DequantizeLinear x:2[2,8] w[] w:2[]; Reshape %1 i(4,4); QuantizeLinear %2 w[] w:2[]
        QuantizeLinear x[2,8] w[] w:2[]; DequantizeLinear %1 w[] w:2[]
        DequantizeLinear@21 w:21[32,8] w[2,8] w:21[2,8] | axis=0 block_size=16; MatMul x[2,32] %1
        DynamicQuantizeLinear x[4,8] > 3; Cast %1 | to=1
        MatMulInteger x:2[4,8] w:3[8,6]; Cast %1 | to=1; Mul %2 w[6]; Add %3 w[6]
        ms.BiasGelu x[2,4,8] w[8]; MatMul %1 w[8,4]
        MatMul x[1,4,8] w[8,8]; Reshape %1 i(0,0,2,4); Transpose %2 | perm=0,2,1,3; MatMul x0 w[8,8]; Reshape %4 i(0,0,2,4); Transpose %5 | perm=0,2,3,1; MatMul %3 %6; Mul %7 t(0.5); Softmax %8 | axis=-1; MatMul x0 w[8,8]; Reshape %10 i(0,0,2,4); Transpose %11 | perm=0,2,1,3; MatMul %9 %12; Transpose %13 | perm=0,2,1,3; Reshape %14 i(0,0,8)
        Reshape x[1,8,4,4] i(0,2,-1); InstanceNormalization %1 w[2] w[2]; Shape x0; Reshape %2 %3; Mul %4 w[8,1,1]; Add %5 w[8,1,1]
        ArgMax a:7[1,8] | axis=-1; Range s(0) s(1) s(1); Gather w[1,9,4] s(0); Gather %3 %1
        Einsum x[1,4,2,3] x[1,6,2,3] | equation='bihd,bjhd->bhij'; Softmax %1 | axis=-1; Einsum %2 x[1,6,2,3] | equation='bhij,bjhd->bihd'
        """;
}
